//! `pleat verify`.

use pleat_jobs::{KeyOrigin, KeyStore, Result, UNASKED, VerifyOptions, VerifyResult, Watch};

use crate::args::VerifyArgs;
use crate::console::Console;
use crate::lines;

pub(crate) fn run(
    args: &VerifyArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = VerifyOptions {
        proof: args.proof.clone(),
        registration: args.registration.clone(),
        model_id: args.model_id,
        data: args.data.clone(),
        labels: args.labels.clone(),
        offset: args.offset,
        context: args.context.as_ref().map(|context| context.0.clone()),
    };
    let result = pleat_jobs::verify(&options, keys, watch)?;
    console.result(&result, || text(&result))
}

pub(crate) fn text(r: &VerifyResult) -> String {
    let mut lines = vec!["VALID".to_owned()];
    lines.extend(lines::statement(&r.statement));
    lines.push(match r.compared.model_checked {
        true => "checked     the model id is the one you gave".into(),
        false => "not checked the model id: `pleat verify --model-id HEX` compares it".into(),
    });
    if r.parts.len() > 1 {
        lines.push(format!("parts       {} proofs", r.parts.len()));
    }
    if let Some([from, to, n]) = r.data_range {
        lines.push("checked     the model is registered".into());
        lines.push(format!(
            "checked     the data are samples {from} to {} of the {n} you gave",
            to - 1
        ));
    }
    lines.push(format!("key         {}", r.key_id));
    if let KeyOrigin::Imported { file, sha256 } = &r.key_origin {
        lines.push(format!(
            "            imported from {file}, SHA-256 {sha256}: compare with the ceremony's published one"
        ));
    }
    if r.unasked() {
        lines.push(format!(
            "warning     {UNASKED}: `pleat verify --context HEX` compares it"
        ));
    } else if r.compared.context_checked {
        lines.push("checked     the context is the one you gave".into());
    }
    if let Some(warning) = r.srs_warning {
        lines.push(format!("warning     {warning}"));
    }
    lines.push(format!(
        "time        {:.1} s to write out the circuit, {:.2} s to verify",
        r.setup_seconds, r.seconds
    ));
    lines.join("\n")
}
