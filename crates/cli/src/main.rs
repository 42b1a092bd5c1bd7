//! The `pleat` command: arguments, progress, files. No mathematics.
#![forbid(unsafe_code)]

mod args;
mod class;
mod console;
mod estimate;
mod failure;
mod interrupt;
mod keys;
mod output;
mod report;
mod resources;
mod resume;
mod scratch;
mod selection;
mod shard;
mod verbs;
mod verifier;
mod workshop;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Parser;

use crate::args::{Cli, Command, ProgressKind};
use crate::console::Console;

/// Set before an interrupted process ends, so that no other message or exit code gets ahead.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    let console = Console::new(cli.json, cli.quiet, cli.progress);
    // Before there are other threads, which inherit it.
    if let Err(e) = interrupt::survive_limits() {
        console.note(&format!(
            "a limit on the size of files would end pleat: {e}"
        ));
    }
    let started = console.start(cli.log.as_deref());
    let json = cli.json;
    let mut out = own_stdout();
    let voice = console.clone();
    if let Err(e) = ctrlc::set_handler(move || interrupted(&voice, json.then_some(&mut *out))) {
        console.note(&format!("Ctrl-C cannot be handled here: {e}"));
    }
    if let Some(n) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build_global()
    {
        console.note(&format!("--threads {n} has no effect: {e}"));
    }
    let result = started.and_then(|()| run(&cli, &console));
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
    match result {
        Ok(()) => {
            console.done();
            ExitCode::SUCCESS
        }
        Err(e) => {
            let code = failure::exit_code(&e);
            console.error(&failure::sentence(&e), code);
            ExitCode::from(code)
        }
    }
}

/// `--help` and `--version` are no errors; everything else is wrong usage.
fn usage(e: &clap::Error) -> ExitCode {
    if !e.use_stderr() {
        let _ = e.print();
        return ExitCode::SUCCESS;
    }
    let args: Vec<_> = std::env::args_os().collect();
    let text = e.to_string();
    if args.iter().any(|a| a == "--progress=json")
        || args
            .windows(2)
            .any(|a| a[0] == "--progress" && a[1] == "json")
    {
        Console::new(false, false, ProgressKind::Json).failed(text.trim_end(), failure::USAGE);
    } else {
        let _ = e.print();
    }
    if args.iter().any(|a| a == "--json") {
        console::write_error_object(&mut std::io::stdout(), text.trim_end(), failure::USAGE);
    }
    ExitCode::from(failure::USAGE)
}

fn run(cli: &Cli, console: &Console) -> anyhow::Result<()> {
    match &cli.command {
        Command::Import(a) => verbs::import::run(a, console),
        Command::Inspect(a) => verbs::inspect::run(a, console),
        Command::Run(a) => verbs::run::run(a, console),
        Command::Register(a) => verbs::register::run(a, &cache(cli)?, console),
        Command::Prove(a) => verbs::prove::run(a, &cache(cli)?, console),
        Command::Verify(a) => verbs::verify::run(a, &cache(cli)?, console),
        Command::Combine(a) => verbs::combine::run(a, &cache(cli)?, console),
        Command::Report(a) => verbs::report::run(a, &cache(cli)?, console),
        Command::Srs(c) => verbs::srs::run(c, &cache(cli)?, console),
        Command::Demo(a) => verbs::demo::run(a, &cache(cli)?, console),
        Command::Completions { shell } => verbs::shell::completions(*shell, console),
        Command::Man => verbs::shell::man(console),
    }
}

/// The folder of keys.
fn cache(cli: &Cli) -> anyhow::Result<PathBuf> {
    match &cli.cache {
        Some(dir) => Ok(dir.clone()),
        None => dirs::cache_dir()
            .map(|d| d.join("pleat"))
            .context("no cache folder is known for this user; give --cache DIR"),
    }
}

/// Standard output as it is now: while keys are read it points elsewhere.
fn own_stdout() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(own) = std::io::stdout().as_fd().try_clone_to_owned() {
            return Box::new(std::fs::File::from(own));
        }
    }
    Box::new(std::io::stdout())
}

/// Every file is written under a temporary name first, so leaving at once loses nothing but the work since
/// the last checkpoint.
fn interrupted(console: &Console, json: Option<&mut dyn Write>) {
    if !interrupt::ends_at_once() {
        console.note("stopping after this step; press again to stop without a checkpoint");
        return;
    }
    INTERRUPTED.store(true, Ordering::SeqCst);
    pleat_model::files::remove_temporaries();
    scratch::remove_all();
    let text = &interrupt::sentence();
    console.failed(text, failure::RESOURCES);
    if let Some(out) = json {
        console::write_error_object(out, text, failure::RESOURCES);
    }
    std::process::exit(i32::from(failure::RESOURCES));
}
