//! How many steps a network's programs are lowered to: `steps BUNDLE ROW_BITS GROUP_BITS`.

use std::collections::BTreeMap;
use std::path::Path;

use pleat_argument::layout;
use pleat_argument::program::Kind;
use pleat_argument::step::descriptor::Task;
use pleat_argument::step::{BANK, Shape, lower};
use pleat_model::bundle::Bundle;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, bundle, row_bits, group_bits] = &arguments[..] else {
        anyhow::bail!("usage: steps BUNDLE ROW_BITS GROUP_BITS");
    };
    let bundle = Bundle::load(Path::new(bundle))?;
    let (row_bits, group_bits) = (row_bits.parse()?, group_bits.parse()?);
    let shape = Shape::new(row_bits);
    let kind = Kind::Accuracy;
    let program =
        layout::inference(&bundle.network, kind, true, row_bits, group_bits).or_else(|_| {
            layout::inference(&bundle.network, Kind::Outputs, false, row_bits, group_bits)
        })?;
    let start = std::time::Instant::now();
    let steps = lower::lower(&program, &shape, program.group_samples())?;
    let lowered = start.elapsed();
    let products = program.head.products.len();
    let views = program.vectors.iter().flat_map(|v| &v.blocks);
    let views: usize = views.map(|b| b.views.len()).sum();
    println!(
        "{} chunks, {} other vectors, {products} products, {views} terms, {} public terms",
        program.chunks(),
        program.vectors.len() - program.chunks(),
        program.publics.len(),
    );
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut slots, mut full) = (0, 0);
    for step in &steps {
        let task = match step.task {
            Task::Head => "head",
            Task::Chunk => "chunk",
            Task::Vectors => "vectors",
            Task::More if step.half => "more public terms",
            Task::More => "more",
        };
        *counts.entry(task).or_default() += 1;
        slots += step.slots.len();
        full += usize::from(step.bank[BANK - 1] != 0);
        if std::env::var_os("VERBOSE").is_some() {
            println!(
                "{task}: {} slots, {} lookups, {} products, exponents {:?}",
                step.slots.len(),
                step.lookups.len(),
                step.products.len(),
                step.bank
            );
        }
    }
    println!(
        "{} steps {counts:?}, {slots} slots of {}, {full} banks full, lowered in {lowered:?}",
        steps.len(),
        steps.len() * shape.slots,
    );
    Ok(())
}
