//! `pleat inspect`.

use comfy_table::{Table, presets};
use pleat_jobs::{InspectOptions, InspectResult, Result};

use crate::args::InspectArgs;
use crate::console::Console;

pub(crate) fn run(args: &InspectArgs, console: &Console) -> Result<()> {
    let options = InspectOptions {
        bundle: args.bundle.clone(),
        samples: args.samples as u64,
        class: (&args.class).into(),
        statement: args.statement.into(),
        shards: args.shards,
    };
    let result = pleat_jobs::inspect(&options)?;
    console.result(&result, || text(&result))
}

/// Which units of outputs a proof shows.
fn units(published: &[Option<i32>]) -> String {
    let list: Vec<String> = published
        .iter()
        .enumerate()
        .filter_map(|(k, unit)| unit.map(|u| format!("2^{u} of output {k}")))
        .collect();
    match list.as_slice() {
        [] => "of the outputs: not in proofs (import --publish-unit)".to_owned(),
        _ => format!("in every proof: {}", list.join(", ")),
    }
}

fn text(r: &InspectResult) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "",
        "layer",
        "operation",
        "shape",
        "values",
        "unit",
        "weight bits",
        "quotient bits",
        "parameters",
    ]);
    for l in &r.layers {
        let bits = |b: Option<u32>| b.map_or(String::new(), |b| b.to_string());
        table.add_row([
            l.index.to_string(),
            l.name.clone(),
            l.operation.clone(),
            l.shape.clone(),
            format!(
                "{}..={}{}",
                l.min,
                l.max,
                if l.may_refuse { " !" } else { "" }
            ),
            format!("{:.3e}", l.scale),
            bits(l.weight_bits),
            bits(l.quotient_bits),
            l.parameters.to_string(),
        ]);
    }
    let mut lines = vec![
        format!("model        {}", r.source),
        table.to_string(),
        format!(
            "integers     {} parameters, weights up to {} bits, activations {} bits, shift {}",
            r.parameters, r.widths.weights, r.widths.activations, r.shift
        ),
        format!("overflow     {}", r.overflow),
        format!("units        {}", units(&r.published_units)),
    ];
    if let (Some(f), Some(i)) = (r.float_accuracy, r.int_accuracy) {
        lines.push(format!(
            "accuracy     float {:.2} %, integer {:.2} %",
            f * 100.0,
            i * 100.0
        ));
    }
    if let Some(reason) = &r.reason {
        lines.push(format!("proof        not possible: {reason}"));
    }
    if let Some(e) = &r.estimate {
        lines.push(format!(
            "size         {} sample(s) in {} group(s): {} chunks of 2^{} rows, {:.1} % of them used, {} steps",
            e.samples,
            e.groups,
            e.chunks,
            e.row_bits,
            100.0 * e.utilisation,
            e.steps
        ));
        lines.push(format!(
            "key          2^{power} points: pleat srs new --power {power}, or a ceremony's file",
            power = e.power
        ));
        lines.push(format!(
            "estimate     on two idle cores: setup {:.1} s, proving {:.1} s, compression {:.1} s",
            e.setup_seconds, e.prove_seconds, e.compress_seconds
        ));
        lines.push(format!(
            "             {:.2} GB of memory, {:.2} GB of disk (key and proof), proof about {} bytes",
            e.memory_bytes as f64 / 1e9,
            e.disk_bytes as f64 / 1e9,
            e.proof_bytes
        ));
    }
    for (index, part) in r.shards.iter().flatten().enumerate() {
        lines.push(format!("shard {index:<6} {}", part.spelled()));
    }
    lines.join("\n")
}
