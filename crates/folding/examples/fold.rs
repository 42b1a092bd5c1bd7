//! throwaway
use pleat_argument::commitment::Key;
use pleat_argument::evaluation::{Evaluation, Model};
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::statement::Visibility;
use pleat_folding::*;
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let bundle = Bundle::load(Path::new(&a[1]))?;
    let bits: u32 = a[2].parse()?;
    let n: usize = a[3].parse()?;
    let data = DataSet::open(
        Path::new(&a[4]),
        a.get(5).map(|p| Path::new(p.as_str())),
        &bundle.network.input,
    )?;
    let samples: Vec<_> = data.samples(0..n)?.collect::<Result<_, _>>()?;
    let keys = Path::new("/tmp/keys");
    let t = Instant::now();
    let params: Arc<Params> = Arc::new(Params::setup(
        pleat_argument::step::Shape::new(bits),
        Form::Spartan,
        keys,
    )?);
    println!("setup {:.2?} {:?}", t.elapsed(), params.sizes());
    let t = Instant::now();
    let key = Key::load(keys, bits + 2)?;
    println!("key {:.2?}", t.elapsed());
    let t = Instant::now();
    let model = Model::new(&key, &bundle, bits, Some(Path::new(&a[1])))?;
    println!("model {:.2?}", t.elapsed());
    let kind = if samples[0].label.is_some() {
        Kind::Accuracy
    } else {
        Kind::Outputs
    };
    let ev = Evaluation::new(&model, kind, samples.as_slice(), Visibility::Public, None)?;
    let t = Instant::now();
    let worker = Worker::spawn(&params)?;
    let mut inner = worker.sink();
    let mut count = 0;
    let mut sink = |r| {
        count += 1;
        inner(r)
    };
    let proved = ev.fold(
        samples.as_slice(),
        pleat_argument::Scalar::zero(),
        [9; 32],
        Scheme::Mercury,
        &mut sink,
    )?;
    println!(
        "native {:.2?} {:?} count {}",
        t.elapsed(),
        proved.times,
        proved.count
    );
    drop(inner);
    let running = worker.join()?;
    println!("folded {count} steps {:.2?}", t.elapsed());
    let _ = running;
    Ok(())
}
