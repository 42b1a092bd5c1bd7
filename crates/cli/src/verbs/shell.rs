//! `pleat completions` and `pleat man`.

use anyhow::Result;
use clap::CommandFactory;
use serde_json::json;

use crate::args::Cli;
use crate::console::Console;

pub(crate) fn completions(shell: clap_complete::Shell, console: &Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pleat", &mut script);
    let script = String::from_utf8(script)?;
    let object = json!({ "shell": shell.to_string(), "script": script });
    console.result(&object, || script.trim_end().to_owned())
}

pub(crate) fn man(console: &Console) -> Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    let page = String::from_utf8(page)?;
    console.result(&json!({ "page": page }), || page.trim_end().to_owned())
}
