//! Arguments as clap sees them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pleat_model::graph::InputLayout;

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
    /// No progress and no notes on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = parse_positive)]
    pub(crate) threads: Option<usize>,
    /// Folder for keys that are made once [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the proof is invalid; 2 wrong usage; \
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
    #[command(after_help = "Example:\n  pleat inspect lenet5.pleat")]
    Inspect(InspectArgs),
    /// Compute the integer outputs, without a proof
    #[command(
        after_help = "Example:\n  pleat run lenet5.pleat --data t10k-images-idx3-ubyte.gz \
--labels t10k-labels-idx1-ubyte.gz --limit 1000"
    )]
    Run(RunArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  pleat completions bash > ~/.local/share/bash-completion/completions/pleat"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  pleat man > pleat.1 && man ./pleat.1")]
    Man,
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
    #[arg(long, value_name = "S", default_value = "1", value_parser = parse_number)]
    pub(crate) input_scale: f32,
    /// Subtracted after scaling: one number, or one per channel
    #[arg(long, value_name = "M[,M..]", value_delimiter = ',', default_value = "0", value_parser = parse_number, allow_hyphen_values = true)]
    pub(crate) mean: Vec<f32>,
    /// Divided by at the end: one number, or one per channel
    #[arg(long, value_name = "D[,D..]", value_delimiter = ',', default_value = "1", value_parser = parse_number)]
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
    pub(crate) steps: usize,
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

impl From<Layout> for InputLayout {
    fn from(l: Layout) -> Self {
        match l {
            Layout::Chw => Self::Chw,
            Layout::Hwc => Self::Hwc,
            Layout::Whc => Self::Whc,
            Layout::Cwh => Self::Cwh,
            Layout::Flat => Self::Flat,
        }
    }
}

fn parse_positive(s: &str) -> Result<usize, String> {
    match s.parse::<usize>() {
        Ok(0) => Err("give at least 1".into()),
        Ok(n) => Ok(n),
        Err(e) => Err(e.to_string()),
    }
}

fn parse_number(s: &str) -> Result<f32, String> {
    let one = |s: &str| {
        s.trim()
            .parse::<f64>()
            .map_err(|_| format!("'{s}' is no number"))
    };
    let v = match s.split_once('/') {
        Some((a, b)) => one(a)? / one(b)?,
        None => one(s)?,
    };
    if v.is_finite() && v.abs() < 1e9 {
        Ok(v as f32)
    } else {
        Err(format!("'{s}' is not a finite number below 10^9"))
    }
}

fn parse_size(s: &str) -> Result<[usize; 2], String> {
    let parts: Vec<&str> = s.split('x').collect();
    let one = |s: &str| {
        s.parse::<usize>()
            .ok()
            .filter(|&n| (1..=1 << 14).contains(&n))
            .ok_or_else(|| {
                format!("'{s}' is no number of pixels; write rows and columns like 224x224")
            })
    };
    match parts.as_slice() {
        [n] => Ok([one(n)?, one(n)?]),
        [h, w] => Ok([one(h)?, one(w)?]),
        _ => Err("write rows and columns like 224x224".into()),
    }
}
