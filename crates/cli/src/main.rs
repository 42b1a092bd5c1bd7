//! The `pleat` command: reads arguments, has [`pleat_jobs`] do the work, prints what comes out.
//!
//! It uses no other crate of the workspace. Begin with [`run`], which sends every verb to its file in `verbs`; there
//! arguments become a job's options, and its result becomes text. `console` speaks on standard error and in the log.
#![forbid(unsafe_code)]

mod args;
mod console;
mod exit;
mod interrupt;
mod lines;
mod verbs;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use pleat_jobs::{KeyStore, Result, Stop, Watch, remove_temporaries, use_threads};

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
    let (stop, voice) = (Stop::default(), console.clone());
    let asked = stop.clone();
    let handler = move || interrupted(&asked, &voice, json.then_some(&mut *out));
    if let Err(e) = ctrlc::set_handler(handler) {
        console.note(&format!("Ctrl-C cannot be handled here: {e}"));
    }
    if let Some(n) = cli.threads
        && let Err(e) = use_threads(n)
    {
        console.note(&format!("--threads {n} has no effect: {e}"));
    }
    let watch = Watch::new(console.clone()).stopped_by(&stop);
    let result = started.and_then(|()| run(&cli, &watch, &console));
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
    match result {
        Ok(()) => {
            console.done();
            ExitCode::SUCCESS
        }
        Err(e) => {
            let code = exit::code(&e);
            console.error(&e.sentence(), code);
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
        Console::new(false, false, ProgressKind::Json).failed(text.trim_end(), exit::USAGE);
    } else {
        let _ = e.print();
    }
    if args.iter().any(|a| a == "--json") {
        console::write_error_object(&mut std::io::stdout(), text.trim_end(), exit::USAGE);
    }
    ExitCode::from(exit::USAGE)
}

fn run(cli: &Cli, watch: &Watch, console: &Console) -> Result<()> {
    match &cli.command {
        Command::Import(a) => verbs::import::run(a, watch, console),
        Command::Inspect(a) => verbs::inspect::run(a, console),
        Command::Run(a) => verbs::run::run(a, watch, console),
        Command::Register(a) => verbs::register::run(a, &keys(cli)?, watch, console),
        Command::Prove(a) => verbs::prove::run(a, &keys(cli)?, watch, console),
        Command::Verify(a) => verbs::verify::run(a, &keys(cli)?, watch, console),
        Command::Combine(a) => verbs::combine::run(a, &keys(cli)?, watch, console),
        Command::Report(a) => verbs::report::run(a, &keys(cli)?, watch, console),
        Command::Srs(c) => verbs::srs::run(c, &keys(cli)?, watch, console),
        Command::Demo(a) => verbs::demo::run(a, &keys(cli)?, watch, console),
        Command::Completions { shell } => verbs::shell::completions(*shell, console),
        Command::Man(a) => verbs::shell::man(a, console),
    }
}

/// Where commitment keys lie.
fn keys(cli: &Cli) -> Result<KeyStore> {
    match &cli.cache {
        Some(dir) => Ok(KeyStore::in_cache(dir)),
        None => KeyStore::of_user(),
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
fn interrupted(stop: &Stop, console: &Console, json: Option<&mut dyn Write>) {
    if !interrupt::ends_at_once(stop) {
        console.note("stopping after this step; press again to stop without a checkpoint");
        return;
    }
    INTERRUPTED.store(true, Ordering::SeqCst);
    remove_temporaries();
    let text = &interrupt::sentence(stop);
    console.failed(text, exit::RESOURCES);
    if let Some(out) = json {
        console::write_error_object(out, text, exit::RESOURCES);
    }
    std::process::exit(i32::from(exit::RESOURCES));
}
