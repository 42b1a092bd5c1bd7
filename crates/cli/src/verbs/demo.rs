//! `pleat demo`.

use pleat_jobs::{DemoOptions, KeyStore, Result, Watch};

use super::{prove, register, verify};
use crate::args::DemoArgs;
use crate::console::Console;

pub(crate) fn run(
    args: &DemoArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = DemoOptions {
        samples: args.samples,
        output: args.output.clone(),
        force: args.force,
    };
    let result = pleat_jobs::demo(&options, keys, watch)?;
    console.result(&result, || {
        let place = match &args.output {
            Some(folder) => format!("files       {}", folder.display()),
            None => "files       temporary; --output DIR keeps them".to_owned(),
        };
        format!(
            "{}\n{}\n{}\n{place}\ntotal       {:.0} s",
            register::text(&result.register),
            prove::text(&result.prove),
            verify::text(&result.verify),
            result.seconds
        )
    })
}
