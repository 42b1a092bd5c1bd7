//! `pleat completions` and `pleat man`.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use pleat_jobs::{Error, Result};
use serde::Serialize;
use serde_json::json;

use crate::args::{Cli, ManArgs};
use crate::console::Console;

pub(crate) fn completions(shell: Shell, console: &Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pleat", &mut script);
    let script = text(script)?;
    let object = json!({ "shell": shell.to_string(), "script": script });
    console.result(&object, || script.trim_end().to_owned())
}

/// The manual page of a verb.
#[derive(Debug, Serialize)]
struct Page {
    #[serde(skip)]
    file: String,
    page: String,
}

/// Where pages were written.
#[derive(Debug, Serialize)]
struct Written {
    pages: Vec<PathBuf>,
}

pub(crate) fn man(args: &ManArgs, console: &Console) -> Result<()> {
    let mut pages = Vec::new();
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    add_pages(&command, &mut pages)?;
    let Some(folder) = &args.all else {
        let name = [&["pleat".to_owned()][..], &args.verb].concat();
        let file = format!("{}.1", name.join("-"));
        let Some(own) = pages.into_iter().find(|page| page.file == file) else {
            let verb = args.verb.join(" ");
            return Err(Error::Invalid(format!(
                "there is no verb '{verb}'; `pleat --help` lists all"
            )));
        };
        return console.result(&own, || own.page.trim_end().to_owned());
    };
    let write = || -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(folder)?;
        let files = pages.iter().map(|own| {
            let path = folder.join(&own.file);
            std::fs::write(&path, &own.page)?;
            Ok(path)
        });
        files.collect()
    };
    let pages = write().map_err(|e| e.at(format!("folder {}", folder.display())))?;
    let written = Written { pages };
    console.result(&written, || {
        let lines = written.pages.iter().map(|page| page.display().to_string());
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// The page of a command, and those of its verbs.
fn add_pages(command: &clap::Command, pages: &mut Vec<Page>) -> Result<()> {
    // It would name the verb instead.
    let source = concat!("pleat ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source);
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push(Page {
        file: man.get_filename(),
        page: text(page)?,
    });
    command
        .get_subcommands()
        .try_for_each(|verb| add_pages(verb, pages))
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|e| Error::Invalid(e.to_string()))
}
