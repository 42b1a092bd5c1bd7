//! Arguments as clap sees them.

mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pleat_jobs::Shard;

use values::{
    Hex, parse_bytes, parse_digits, parse_divisor, parse_hex, parse_id, parse_number,
    parse_positive, parse_size,
};

/// Prove what a private neural network computes on committed data.
#[derive(Debug, Parser)]
#[command(name = "pleat", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print exactly one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress and no notes on standard error, errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How progress is shown on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "KIND",
        default_value = "auto"
    )]
    pub(crate) progress: ProgressKind,
    /// Append notes, progress and errors to this file, each with the time
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = parse_positive)]
    pub(crate) threads: Option<usize>,
    /// Folder for keys that are made once [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// A bar, where standard error is a terminal
    Bar,
    /// A line every five seconds
    Plain,
    /// Everything as JSON events, one a line; docs/jobs.md has the schema
    Json,
    /// No progress; notes are shown
    None,
}

const EXIT_CODES: &str = "Example:\n  pleat demo\n\nExit codes: 0 done; 1 the proof is invalid; 2 wrong usage; \
3 bad input (file, model, data); 4 resources (disk, memory, interrupted).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn a trained model (ONNX, Keras .h5 or .keras) into an integer bundle
    #[command(
        after_help = "Example:\n  pleat import lenet5.onnx --input-scale 1/255 --calib t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz -o lenet5.pleat\n\n\
The bundle holds the secret weights: it is readable by you alone. Stored pixels v enter the network as \
(v * input-scale - mean) / std."
    )]
    Import(ImportArgs),
    /// Show a bundle's layers, scales, bounds and the cost of proving it
    #[command(after_help = "Example:\n  pleat inspect lenet5.pleat --samples 100")]
    Inspect(InspectArgs),
    /// Compute the integer outputs, without a proof
    #[command(
        after_help = "Example:\n  pleat run lenet5.pleat --data t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz --limit 1000"
    )]
    Run(RunArgs),
    /// Prove once that a bundle's weights are what it declares
    #[command(
        after_help = "Example:\n  pleat register lenet5.pleat -o lenet5.registration\n\n\
Proofs count only for a registered model: without it weights could be anything. The registration is public and needed by \
everyone who verifies proofs about the model. It belongs to a size class and a form: prove with --registration to take them from it."
    )]
    Register(RegisterArgs),
    /// Prove outputs or accuracy of a bundle on data; the weights stay secret
    #[command(
        after_help = "Example:\n  pleat prove lenet5.pleat --data t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz --limit 8 -o digits.proof\n\n\
Data and number of samples are public through the data id; the data themselves are not in the proof. \
Data ids are unsalted: who can guess the data can confirm the guess."
    )]
    Prove(ProveArgs),
    /// Check a proof
    #[command(
        after_help = "Example:\n  pleat verify digits.proof --registration lenet5.registration --data t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz\n\nExit code 0: valid. 1: not a valid proof of what you asked for: damaged, or about another model, \
data or context. 3 or 4: could not be decided: no proof file at all (it does not begin with PLEATPRF or PLEATCMB), \
no key or another key than the proof's, data that cannot be read."
    )]
    Verify(VerifyArgs),
    /// Make one proof of the proofs of all parts of some data
    #[command(
        after_help = "Example:\n  pleat prove lenet5.pleat --data images.gz --labels labels.gz --registration lenet5.registration --shard 0/2 -o a.proof\n  \
pleat prove lenet5.pleat --data images.gz --labels labels.gz --registration lenet5.registration --shard 1/2 -o b.proof\n  \
pleat combine a.proof b.proof --registration lenet5.registration --data images.gz --labels labels.gz -o whole.proof\n\n\
The parts are verified, and must be all of the data (or the part --offset and --limit choose) in their order. What comes out is verified \
like any proof, and says the same as one proof of everything."
    )]
    Combine(CombineArgs),
    /// Make a page about proofs: what they say, whether they are valid, what they cost
    #[command(
        after_help = "Example:\n  pleat report digits.proof --registration lenet5.registration --data t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz --run prove.json -o report.html\n\n\
The page is one file of HTML without scripts: it works offline and on paper. With --registration and --data the proofs are \
verified as by `pleat verify`, and an invalid one makes no page."
    )]
    Report(ReportArgs),
    /// Keys of the commitment scheme
    #[command(subcommand, after_help = "Example:\n  pleat srs new --power 20")]
    Srs(SrsCommand),
    /// Import, prove and verify a bundled LeNet-5 on bundled MNIST digits
    #[command(after_help = "Example:\n  pleat demo --output demo")]
    Demo(DemoArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  pleat completions bash > ~/.local/share/bash-completion/completions/pleat"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of pleat or of a verb, or write all of them
    #[command(
        after_help = "Example:\n  pleat man --all ~/.local/share/man/man1 && man pleat-prove"
    )]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The model file
    pub(crate) model: PathBuf,
    /// Data to calibrate with (and to report accuracy on, with labels)
    #[arg(long, value_name = "DATA")]
    pub(crate) calib: Option<PathBuf>,
    /// Labels of the calibration data, if they are another file
    #[arg(long, requires = "calib")]
    pub(crate) labels: Option<PathBuf>,
    /// Samples of the data to use for the accuracy report [default: all]
    #[arg(long, value_name = "N", value_parser = parse_positive, requires = "calib")]
    pub(crate) limit: Option<usize>,
    /// Factor of the stored pixels: a number or a fraction
    #[arg(long, value_name = "S", default_value = "1", value_parser = parse_divisor)]
    pub(crate) input_scale: f32,
    /// Subtracted after scaling: one number, or one per channel
    #[arg(long, value_name = "M[,M..]", value_delimiter = ',', default_value = "0", value_parser = parse_number, allow_hyphen_values = true)]
    pub(crate) mean: Vec<f32>,
    /// Divided by at the end: one number, or one per channel
    #[arg(long, value_name = "D[,D..]", value_delimiter = ',', default_value = "1", value_parser = parse_divisor)]
    pub(crate) std: Vec<f32>,
    /// Axis order of the model's input, if the guess from its dimensions is wrong
    #[arg(long, value_enum)]
    pub(crate) layout: Option<Layout>,
    /// Rows and columns of the input, for models that leave them open
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    pub(crate) size: Option<[usize; 2]>,
    /// Resize images of a folder to this before the centre is cropped to the input's size
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    pub(crate) resize: Option<[usize; 2]>,
    /// Width of the activations in bits [default: searched]
    #[arg(long, value_name = "BITS")]
    pub(crate) activation_bits: Option<u32>,
    /// Shift of the requantisation in bits [default: searched]
    #[arg(long, value_name = "BITS")]
    pub(crate) shift: Option<u32>,
    /// Show in every proof which power of two the real value of one unit of each output is
    #[arg(long)]
    pub(crate) publish_unit: bool,
    /// Where the bundle goes [default: the model's name with .pleat, in this folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing bundle
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// Estimate a proof of this many samples
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_positive)]
    pub(crate) samples: usize,
    #[command(flatten)]
    pub(crate) class: ClassArgs,
    /// What the proof would be about
    #[arg(long, value_enum, default_value = "accuracy")]
    pub(crate) statement: StatementKind,
    /// Show which samples each of N shards would prove, in this size class
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) shards: Option<u64>,
}

/// Data and which part of it.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// IDX (.gz too), .npy, .npz, or a folder of PNG or JPEG
    #[arg(long, value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Labels, if they are another file
    #[arg(long)]
    pub(crate) labels: Option<PathBuf>,
    /// At most this many samples [default: all]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    pub(crate) limit: Option<usize>,
    /// Skip this many samples first
    #[arg(long, value_name = "K", default_value = "0")]
    pub(crate) offset: usize,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatementKind {
    /// How many samples the network gets right; its outputs stay secret
    Accuracy,
    /// The network's outputs; they are public
    Outputs,
}

/// What keys and parameters a proof is made with.
#[derive(Debug, Args)]
pub(crate) struct ClassArgs {
    /// Choose the fastest size class whose proofs take at most this much memory, like 2GB or 900MB [default: 3GB, for --form micro 6GB]
    #[arg(long, value_name = "LIMIT", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Rows of a chunk, as a power of two [default: chosen]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(8..=24), conflicts_with = "memory")]
    pub(crate) size_class: Option<u32>,
    /// The final argument
    #[arg(long, value_enum, default_value = "spartan")]
    pub(crate) form: FormKind,
}

/// The final argument of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormKind {
    /// Spartan over HyperKZG: quick to make, the verifier writes out the circuit
    Spartan,
    /// MicroSpartan over Mercury: slow to make and needs a larger key, the verifier reads a few commitments
    Micro,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) class: ClassArgs,
    /// Choose the size class for proofs about this many samples: larger classes are faster for more
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_positive)]
    pub(crate) samples: usize,
    /// Where the registration goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite an existing registration; go on where memory or disk seem not to suffice
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Prove one of N equal parts of the data, from 0/N on; `pleat combine` makes one proof of them
    #[arg(long, value_name = "I/N", conflicts_with_all = ["offset", "limit"])]
    pub(crate) shard: Option<Shard>,
    /// What to prove
    #[arg(long, value_enum, default_value = "accuracy")]
    pub(crate) statement: StatementKind,
    /// Bytes the proof is bound to (an address, a bounty, a deadline), in hexadecimal
    #[arg(long, value_name = "HEX", default_value = "", value_parser = parse_hex, hide_default_value = true)]
    pub(crate) context: Hex,
    /// The model's registration: the proof takes size class and form from it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["memory", "size_class", "form"])]
    pub(crate) registration: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) class: ClassArgs,
    /// Where the proof goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Go on with a proof that was interrupted, from its checkpoint; begins if there is none
    #[arg(long)]
    pub(crate) resume: bool,
    /// Write a checkpoint after so many seconds; Ctrl-C and SIGTERM write one too
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) checkpoint_every: u64,
    /// Where checkpoints go; secret files, removed when the proof is finished [default: the output's name with .checkpoint]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Overwrite an existing proof, begin again although there is a checkpoint, and try although memory or disk seem too small
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The proof, combined or not, or a registration
    pub(crate) proof: PathBuf,
    /// The registration of the proof's model; needed, unless the file is one itself
    #[arg(long, value_name = "FILE")]
    pub(crate) registration: Option<PathBuf>,
    /// The model id it must be about
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    pub(crate) model_id: Option<[u8; 32]>,
    /// The data it must be about; needed, unless the file is a registration
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Labels of the data, if they are another file
    #[arg(long, requires = "data")]
    pub(crate) labels: Option<PathBuf>,
    /// The proof is about the data after this many samples [default: as the proof says]
    #[arg(long, value_name = "K", requires = "data")]
    pub(crate) offset: Option<u64>,
    /// The context it must be bound to, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = parse_hex)]
    pub(crate) context: Option<Hex>,
}

#[derive(Debug, Args)]
pub(crate) struct CombineArgs {
    /// The proofs of the parts, in the order of the data
    #[arg(required = true, value_name = "PROOF")]
    pub(crate) proofs: Vec<PathBuf>,
    /// The registration of their model
    #[arg(long, value_name = "FILE")]
    pub(crate) registration: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Where the combined proof goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite an existing proof
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The proofs
    #[arg(value_name = "PROOF", required = true)]
    pub(crate) proofs: Vec<PathBuf>,
    /// The registration of the proofs' model; with it and the data they are verified
    #[arg(long, value_name = "FILE")]
    pub(crate) registration: Option<PathBuf>,
    /// The model id they must be about
    #[arg(long, value_name = "HEX", value_parser = parse_id, requires_all = ["registration", "data"])]
    pub(crate) model_id: Option<[u8; 32]>,
    /// The data they are about
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Labels of the data, if they are another file; proofs about outputs get a confusion matrix
    #[arg(long, requires = "data")]
    pub(crate) labels: Option<PathBuf>,
    /// The owner's bundle: the page has the names of the model file, and with --data the confusion matrix of proofs about accuracy; it then shows more than is proved
    #[arg(long)]
    pub(crate) bundle: Option<PathBuf>,
    /// What `pleat prove --json` printed for a proof: time and memory; may be given once a proof
    #[arg(long = "run", value_name = "RESULT.json")]
    pub(crate) runs: Vec<PathBuf>,
    /// Where the page goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite an existing page
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SrsCommand {
    /// Make a key on this machine: for oneself and for tests, insecure for others
    #[command(after_help = "Example:\n  pleat srs new --power 20")]
    New {
        /// 2^K points
        #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=28))]
        power: u32,
        /// Overwrite an existing key of this size; proofs made with it can no longer be verified
        #[arg(long)]
        force: bool,
    },
    /// Check and store a Powers of Tau file of a ceremony (.ptau, BN254)
    #[command(after_help = "Example:\n  pleat srs import ppot_0080_20.ptau")]
    Import {
        /// The file
        file: PathBuf,
        /// Keep 2^K points [default: all]
        #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=28))]
        power: Option<u32>,
        /// Overwrite an existing key of this size; proofs made with it can no longer be verified
        #[arg(long)]
        force: bool,
    },
    /// List the keys
    #[command(after_help = "Example:\n  pleat srs info")]
    Info,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Digits to prove
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse_digits)]
    pub(crate) samples: usize,
    /// Keep the bundle, the registration and the proof in this folder
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite files of these names there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The verb, like `prove` or `srs new` [default: pleat itself]
    #[arg(value_name = "VERB")]
    pub(crate) verb: Vec<String>,
    /// Write the pages of pleat and of every verb to this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    pub(crate) all: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Layout {
    /// Channels, rows, columns
    Chw,
    /// Rows, columns, channels
    Hwc,
    /// Columns, rows, channels (the network wants images transposed)
    Whc,
    /// Channels, columns, rows (the network wants images transposed)
    Cwh,
    /// A vector
    Flat,
}
