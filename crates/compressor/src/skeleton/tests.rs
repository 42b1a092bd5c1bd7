//! Each length that is compared, one test each and named for it.
#![allow(clippy::unwrap_used)]

use serde::Serialize;

use super::*;
use crate::Snark;

const E: Element = [0; 32];

fn relaxed() -> Relaxed {
    Relaxed {
        comm_w: E,
        comm_e: E,
        x: vec![E; 2],
        u: E,
    }
}

fn mercury() -> Mercury {
    Mercury {
        points: [E; 8],
        evals: [E; 6],
    }
}

fn spartan<A>(argument: A) -> Spartan<A> {
    Spartan {
        outer: vec![vec![E; 3]; 4],
        claims_outer: [E; 3],
        eval_e: E,
        inner: vec![vec![E; 2]; 4],
        eval_w: E,
        batch: vec![vec![E; 2]; 4],
        evals_batch: vec![E; 2],
        argument,
    }
}

fn skeleton<S>(primary: S) -> Skeleton<S> {
    Skeleton {
        r_u_secondary: relaxed(),
        ri_secondary: E,
        l_u_secondary: Strict {
            comm_w: E,
            x: vec![E; 2],
        },
        nifs_uf_secondary: E,
        l_ur_secondary: relaxed(),
        nifs_un_secondary: E,
        r_u_primary: relaxed(),
        ri_primary: E,
        l_ur_primary: relaxed(),
        nifs_un_primary: E,
        blinds: [E; 4],
        primary,
        secondary: spartan(InnerProduct {
            left: vec![E; 5],
            right: vec![E; 5],
            a_hat: E,
        }),
        zn: vec![E],
    }
}

type OfSpartan = Skeleton<Spartan<Kzg>>;
type OfMicro = Skeleton<Micro>;

fn of_spartan() -> OfSpartan {
    skeleton(spartan(Kzg {
        com: vec![E; 3],
        w: [E; 3],
        v: vec![[E; 3]; 4],
    }))
}

fn of_micro() -> OfMicro {
    skeleton(Micro {
        oracles: [E; 6],
        outer: vec![vec![E; 3]; 4],
        claims_outer: [E; 4],
        inner: vec![vec![E; 3]; 4],
        evals: [E; 15],
        argument: mercury(),
    })
}

fn refused(form: Form, proof: &impl Serialize) {
    let bytes = postcard::to_stdvec(proof).unwrap();
    assert_eq!(check(form, &bytes), Err(wrong()));
}

fn spartan_refused(edit: impl Fn(&mut OfSpartan)) {
    let mut proof = of_spartan();
    edit(&mut proof);
    refused(Form::Spartan, &proof);
}

fn micro_refused(edit: impl Fn(&mut OfMicro)) {
    let mut proof = of_micro();
    edit(&mut proof);
    refused(Form::MicroSpartan, &proof);
}

fn shorten<T>(list: &mut Vec<T>) {
    list.pop();
}

#[test]
fn the_right_lengths() {
    let bytes = postcard::to_stdvec(&of_spartan()).unwrap();
    assert_eq!(check(Form::Spartan, &bytes), Ok(()));
    let bytes = postcard::to_stdvec(&of_micro()).unwrap();
    assert_eq!(check(Form::MicroSpartan, &bytes), Ok(()));
}

#[test]
fn rounds_of_a_sumcheck() {
    spartan_refused(|p| p.primary.outer = vec![vec![E; 3]; 41]);
}

#[test]
fn coefficients_of_a_round() {
    spartan_refused(|p| p.primary.outer[2].truncate(2));
}

#[test]
fn the_outer_sumcheck() {
    spartan_refused(|p| p.primary.outer = vec![vec![E; 2]; 4]);
}

#[test]
fn the_inner_sumcheck() {
    spartan_refused(|p| p.primary.inner = vec![vec![E; 3]; 4]);
}

#[test]
fn the_batched_sumcheck() {
    spartan_refused(|p| p.primary.batch = vec![vec![E; 3]; 4]);
}

#[test]
fn batched_evaluations() {
    spartan_refused(|p| p.primary.evals_batch.truncate(1));
    spartan_refused(|p| p.primary.evals_batch.push(E));
}

#[test]
fn the_outer_sumcheck_of_micro() {
    micro_refused(|p| p.primary.outer = vec![vec![E; 2]; 4]);
}

#[test]
fn the_inner_sumcheck_of_micro() {
    micro_refused(|p| p.primary.inner = vec![vec![E; 2]; 4]);
}

#[test]
fn rounds_of_hyperkzg() {
    spartan_refused(|p| {
        p.primary.argument.v = vec![[E; 3]; 41];
        p.primary.argument.com = vec![E; 40];
    });
}

#[test]
fn commitments_of_hyperkzg() {
    spartan_refused(|p| shorten(&mut p.primary.argument.com));
    spartan_refused(|p| p.primary.argument.com.push(E));
}

#[test]
fn rounds_of_the_inner_product() {
    spartan_refused(|p| {
        p.secondary.argument.left = vec![E; 32];
        p.secondary.argument.right = vec![E; 32];
    });
}

#[test]
fn sides_of_the_inner_product() {
    spartan_refused(|p| shorten(&mut p.secondary.argument.left));
}

#[test]
fn something_behind_the_proof() {
    refused(Form::Spartan, &(of_spartan(), 0u8));
}

#[test]
fn public_numbers_of_each_instance() {
    spartan_refused(|p| p.r_u_secondary.x.push(E));
    spartan_refused(|p| p.l_u_secondary.x.push(E));
    spartan_refused(|p| p.l_ur_secondary.x.push(E));
    spartan_refused(|p| p.r_u_primary.x.push(E));
    spartan_refused(|p| shorten(&mut p.l_ur_primary.x));
}

#[test]
fn the_output() {
    spartan_refused(|p| p.zn.push(E));
    spartan_refused(|p| p.zn.clear());
}

/// Of both curves.
#[test]
fn the_argument_on_the_secondary_curve() {
    spartan_refused(|p| p.secondary.evals_batch.clear());
    micro_refused(|p| p.secondary.evals_batch.clear());
}

/// Before nova-snark reads any of it.
#[test]
fn lengths_are_checked_where_a_proof_is_read() {
    let mut proof = of_spartan();
    proof.zn.push(E);
    let bytes = postcard::to_stdvec(&proof).unwrap();
    let read = Snark::<pleat_step_circuits::circuit::step::Step>::from_bytes(Form::Spartan, &bytes);
    assert_eq!(read.err(), Some(wrong()));
}
