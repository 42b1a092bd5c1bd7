//! Every identity of a program, one by one, on what the witness fills in.

use std::collections::BTreeMap;

use ff::Field;
use pleat_argument::layout::{data_layout, inference};
use pleat_argument::multilinear::{eq_table, evaluate, scalar};
use pleat_argument::program::{Fill, Kind, Program, Vector, VectorKind};
use pleat_argument::view::{Context, Target, View};
use pleat_argument::witness::{
    Executed, Source, data_vector, fill_chunks, output_vectors, product_tables, table_vectors,
    weight_vectors,
};
use pleat_argument::{Result, Scalar};
use rand::Rng;
use rand::rngs::StdRng;

use super::generate::Case;

fn integer(value: i32) -> Scalar {
    scalar(value.into())
}

/// What a view's coefficients multiply, entry by entry of its block.
fn operand(view: &View, offset: u64, bits: u32, values: &[i32]) -> Vec<Scalar> {
    let rows = (offset..offset + (1 << bits)).map(|r| r as usize);
    rows.map(|r| {
        let column = |c: usize| integer(values[4 * r + c]);
        match view.target {
            Target::Columns(factors) => (0..4).map(|c| scalar(factors[c]) * column(c)).sum(),
            Target::SelectedValue => column(0) * column(2),
            Target::SelectedExtra => column(0) * column(3),
            Target::Entries => integer(values[r]),
        }
    })
    .collect()
}

/// Sums by identity and by claim. Views are evaluated at a point too, some of them.
fn sums(
    program: &Program,
    values: &[Vec<i32>],
    context: &Context,
    rng: &mut StdRng,
) -> (BTreeMap<u32, Scalar>, BTreeMap<u32, Scalar>) {
    let (mut identities, mut claims) = (BTreeMap::new(), BTreeMap::new());
    let mut add = |view: &View, value: Scalar| {
        let of = match view.claim {
            0 => identities.entry(view.identity).or_insert(Scalar::ZERO),
            claim => claims.entry(claim).or_insert(Scalar::ZERO),
        };
        *of += value;
    };
    for (vector, values) in program.vectors.iter().zip(values) {
        assert_eq!(values.len(), 1 << vector.bits);
        for block in &vector.blocks {
            for view in &block.views {
                let (low, high) = view.halves(context);
                let operand = operand(view, block.offset, block.bits, values);
                let sum = operand
                    .chunks(low.len())
                    .zip(&high)
                    .map(|(part, h)| {
                        *h * part.iter().zip(&low).map(|(a, b)| *a * b).sum::<Scalar>()
                    })
                    .sum();
                add(view, sum);
                if block.bits <= 8 && rng.gen_range(0..8) == 0 {
                    let at: Vec<Scalar> =
                        (0..block.bits).map(|_| Scalar::random(&mut *rng)).collect();
                    let eq = eq_table(&at);
                    let table = high.iter().flat_map(|h| low.iter().map(move |l| *h * l));
                    let expected: Scalar = table.zip(eq).map(|(a, b)| a * b).sum();
                    assert_eq!(view.evaluate(&at, context), expected, "{view:?}");
                }
            }
        }
    }
    for view in &program.publics {
        add(view, view.scale(context));
    }
    (identities, claims)
}

/// Which layer an identity's views read or fill, for messages.
fn places(program: &Program, identity: u32) -> String {
    let named = |v: &Vector| {
        let of = |b: &&pleat_argument::program::Block| {
            b.views
                .iter()
                .any(|v| v.identity == identity && v.claim == 0)
        };
        v.blocks
            .iter()
            .filter(of)
            .map(|b| format!("{:?}", b.fill))
            .collect::<Vec<_>>()
    };
    let all: Vec<String> = program.vectors.iter().flat_map(named).collect();
    all.join("\n  ")
}

/// Which columns of a block's rows some identity must see, row by row; all others nobody may see.
fn seen(case: &Case, fill: &Fill, bits: u32, live: usize) -> Vec<[Option<bool>; 4]> {
    // `None`: seen if a later layer reads the value.
    const NOBODY: [Option<bool>; 4] = [Some(false); 4];
    let (yes, no) = (Some(true), Some(false));
    let layers = &case.network.layers;
    let mut rows = vec![NOBODY; 1 << bits];
    match fill {
        Fill::Requantised(region) | Fill::Copy(region) => {
            let row = match fill {
                Fill::Requantised(_) => [yes, yes, None, no],
                _ => [no, no, yes, no],
            };
            for b in 0..live {
                region.each(layers[region.layer].shape.height, |target, _| {
                    rows[(b << region.bits()) + target] = row;
                });
            }
        }
        Fill::Window { region, taps } => {
            let low_bits = taps[0].bits + taps[1].bits;
            let first = taps[0].first == 0 && taps[1].first == 0;
            for b in 0..live {
                region.each(layers[region.layer].shape.height, |target, _| {
                    let start = ((b << region.bits()) + target) << low_bits;
                    for i in 0..taps[0].count {
                        for j in 0..taps[1].count {
                            rows[start + (i << taps[1].bits) + j] = [yes, yes, yes, no];
                        }
                    }
                    if first {
                        rows[start][3] = yes;
                    }
                });
            }
        }
        Fill::Top1 { classes, bits, .. } => {
            for b in 0..live {
                rows[b << bits..(b << bits) + classes].fill([yes, yes, yes, yes]);
            }
        }
        Fill::Activation { .. } => rows.fill([no, no, yes, no]),
        _ => {}
    }
    rows
}

/// Every value the witness fills in is in some identity, and what it leaves empty is in none.
fn check_coverage(case: &Case, program: &Program, context: &Context, rng: &mut StdRng) {
    let context = Context {
        zeta: Scalar::random(&mut *rng),
        delta: Scalar::random(&mut *rng),
        ..context.clone()
    };
    let live = context.live as usize;
    for vector in program.of_kind(VectorKind::Trace) {
        for block in &vector.blocks {
            let size = 1usize << block.bits;
            let mut seen_by = vec![[Scalar::ZERO; 4]; size];
            for view in &block.views {
                let columns = match view.target {
                    Target::Columns(columns) => columns,
                    // The products of selectors: whatever they see is checked as a column too.
                    _ => continue,
                };
                let (low, high) = view.halves(&context);
                let table = high.iter().flat_map(|h| low.iter().map(move |l| *h * l));
                for (row, coefficient) in seen_by.iter_mut().zip(table) {
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum += scalar(column) * coefficient;
                    }
                }
            }
            for (row, expected) in seen(case, &block.fill, block.bits, live).iter().enumerate() {
                for (column, expected) in expected.iter().enumerate() {
                    let nonzero = !bool::from(seen_by[row][column].is_zero());
                    assert!(
                        expected.is_none_or(|e| e == nonzero),
                        "row {row}, column {column} of {:?}: seen {nonzero}",
                        block.fill
                    );
                }
            }
        }
    }
}

/// Checks all identities and claims of one group of a random place; an error is the layout's.
pub(crate) fn check(
    case: &Case,
    kind: Kind,
    labelled: bool,
    row_bits: u32,
    group_bits: u32,
    rng: &mut StdRng,
) -> Result<()> {
    let (network, weights) = (&case.network, &case.weights);
    let program = inference(network, kind, labelled, row_bits, group_bits)?;
    let (layout, records) = data_layout(network, labelled, row_bits)?;
    let places_bits = layout.samples_bits() - group_bits;
    let prefix = rng.gen_range(0..1u64 << places_bits.min(3));
    let live = rng.gen_range(1..=case.samples.len().min(1 << group_bits));
    // The samples before the group's are others.
    let before = (prefix << group_bits) as usize;
    let all: Vec<_> = (0..before + live)
        .map(|i| {
            &case.samples[if i < before {
                (i + 1) % case.samples.len()
            } else {
                i - before
            }]
        })
        .collect();
    let executed: Vec<Executed> = all[before..]
        .iter()
        .map(|s| Executed {
            trace: network.trace(weights, &s.values, 0).unwrap(),
            label: s.label.filter(|_| labelled),
        })
        .collect();
    let source = Source {
        network,
        samples: &executed,
        weights: &[],
    };
    let inputs = all
        .iter()
        .map(|s| (s.values.as_slice(), s.label.filter(|_| labelled)));
    let mut values = fill_chunks(&program, &source)?;
    values.extend(weight_vectors(&program, network, weights)?);
    values.extend(table_vectors(&program, network));
    values.push(data_vector(&layout, &records, network, inputs)?);
    values.extend(output_vectors(&program, network, live, |b, l| {
        executed[b].trace.values[l].as_slice()
    }));
    assert_eq!(values.len(), program.vectors.len());

    let mut random =
        |bits: u32| -> Vec<Scalar> { (0..bits).map(|_| Scalar::random(&mut *rng)).collect() };
    let context = Context {
        xi: random(1)[0],
        zeta: Scalar::ONE,
        delta: Scalar::ONE,
        live: live as u64,
        prefix,
        point: random(program.head.bits),
    };
    check_coverage(case, &program, &context, rng);
    let (mut identities, mut claims) = sums(&program, &values, &context, rng);
    for product in &program.head.products {
        let shape = network.layers[product.layer].shape;
        let plane = shape.plane() as u64;
        let steps = [shape.width as u64, plane, plane << group_bits];
        let (u, x) = product_tables(network, weights, product, &executed, steps, &context);
        let sum: Scalar = u.iter().zip(&x).map(|(u, x)| *u * x).sum();
        let own = identities.entry(product.identity).or_insert(Scalar::ZERO);
        assert_eq!(*own, sum, "product of layer {}: {product:?}", product.layer);
        identities.remove(&product.identity);
        let (low, high) = context.point.split_at(product.bits as usize);
        let rest: Scalar = high.iter().map(|r| Scalar::ONE - r).product();
        for (table, claim, name) in [(&x, product.claim, "X"), (&u, product.claim + 1, "U")] {
            let claimed = claims.remove(&claim).unwrap_or(Scalar::ZERO);
            let expected = evaluate(table, low) * rest;
            assert_eq!(
                claimed, expected,
                "{name} of layer {}: {product:?}",
                product.layer
            );
        }
    }
    for (identity, sum) in identities {
        assert!(
            bool::from(sum.is_zero()),
            "identity {identity} of {:#?}\n  {}",
            network
                .layers
                .iter()
                .map(|l| (&l.op, l.shape))
                .collect::<Vec<_>>(),
            places(&program, identity),
        );
    }
    let count = program.count_claim.and_then(|c| claims.remove(&c));
    assert!(claims.is_empty(), "claims of nothing: {claims:?}");
    if kind == Kind::Accuracy {
        let scores = network.outputs[0].layer;
        let right = |e: &&Executed| {
            let best = pleat_model::network::Network::top1(&e.trace.values[scores]);
            e.label == Some(best as u32)
        };
        let right = executed.iter().filter(right).count() as u64;
        assert_eq!(count, Some(Scalar::from(right)));
    }
    assert_eq!(program.of_kind(VectorKind::Data).count(), 1);
    Ok(())
}
