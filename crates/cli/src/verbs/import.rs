//! `pleat import`.

use pleat_jobs::{ImportOptions, ImportResult, Result, Watch};

use crate::args::ImportArgs;
use crate::console::Console;

pub(crate) fn run(args: &ImportArgs, watch: &Watch, console: &Console) -> Result<()> {
    let options = ImportOptions {
        model: args.model.clone(),
        calib: args.calib.clone(),
        labels: args.labels.clone(),
        limit: args.limit,
        input_scale: args.input_scale,
        mean: args.mean.clone(),
        std: args.std.clone(),
        layout: args.layout.map(Into::into),
        size: args.size,
        resize: args.resize,
        activation_bits: args.activation_bits,
        shift: args.shift,
        publish_unit: args.publish_unit,
        output: args.output.clone(),
        force: args.force,
    };
    let result = pleat_jobs::import(&options, watch)?;
    console.result(&result, || text(&result))
}

fn text(r: &ImportResult) -> String {
    let percent = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{:.2} %", v * 100.0));
    let mut lines = vec![
        format!(
            "bundle          {} (secret: it holds the weights)",
            r.bundle.display()
        ),
        format!(
            "network         {} layers, {} parameters, {} activations per sample",
            r.layers, r.parameters, r.activations
        ),
        format!(
            "integers        weights up to {} bits, activations {} bits, shift {}",
            r.widths.weights, r.widths.activations, r.shift
        ),
        format!("overflow        {}", r.overflow),
        format!(
            "output error    {:.2} % of the outputs' deviation; worst layer '{}' {:.2} % of its largest value",
            r.output_error * 100.0,
            r.worst_layer,
            r.worst_layer_error * 100.0
        ),
    ];
    if r.samples > 0 {
        lines.push(format!(
            "accuracy        float {}, integer {}, same decision {} ({} samples)",
            percent(r.float_accuracy),
            percent(r.int_accuracy),
            percent(r.agreement),
            r.samples
        ));
    }
    if let Some(reason) = &r.reason {
        lines.push(format!("proof           not possible: {reason}"));
    }
    lines.join("\n")
}
