//! The `pleat` command: arguments, progress, files. No mathematics.
#![forbid(unsafe_code)]

mod args;
mod console;
mod failure;
mod resources;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::console::Console;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // `--help` and `--version` are no errors; everything else is wrong usage.
            let code = if e.use_stderr() { failure::USAGE } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    let console = Console::new(cli.json, cli.quiet);
    if let Err(e) = ctrlc::set_handler(interrupted) {
        console.note(&format!("Ctrl-C cannot be handled here: {e}"));
    }
    if let Some(n) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build_global()
    {
        console.note(&format!("--threads {n} has no effect: {e}"));
    }
    match run(&cli, &console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let code = failure::exit_code(&e);
            console.error(&failure::sentence(&e), code);
            ExitCode::from(code)
        }
    }
}

fn run(cli: &Cli, console: &Console) -> anyhow::Result<()> {
    match &cli.command {
        Command::Import(a) => verbs::import::run(a, console),
        Command::Inspect(a) => verbs::inspect::run(a, console),
        Command::Run(a) => verbs::run::run(a, console),
        Command::Completions { shell } => verbs::shell::completions(*shell),
        Command::Man => verbs::shell::man(),
    }
}

/// Every file is written under a temporary name first, so leaving at once loses nothing but the work.
fn interrupted() {
    pleat_model::files::remove_temporaries();
    eprintln!("\npleat: interrupted; files that existed before are unchanged");
    std::process::exit(i32::from(failure::RESOURCES));
}
