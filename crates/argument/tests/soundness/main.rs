//! Every forgery that is known is made, and refused.
//!
//! A small network with every kind of layer is proved honestly; then proofs ([`tamper`]), committed cells
//! ([`columns`]), public values ([`publics`]), the protocol's parts ([`attacks`]), its steps ([`steps`]), proofs
//! whose steps are folded ([`folded`]) and bytes ([`bytes`]) are changed; [`checks`], [`registered`] and [`admitted`] name each check. All checks are the verifier's: the prover
//! here goes on in spite of its own. Only of data that change under way ([`changes`]) no proof is made at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admitted;
mod attacks;
mod bytes;
mod changes;
mod checks;
mod claims;
mod columns;
mod fixture;
mod folded;
mod networks;
mod publics;
mod registered;
mod resume;
mod steps;
mod stored;
mod tamper;
mod values;
mod vectors;

#[test]
fn honest_claims_are_accepted() {
    let start = std::time::Instant::now();
    for kind in fixture::KINDS {
        let forger = fixture::Forger::new(kind);
        let made = std::time::Instant::now();
        let proof = forger.prove();
        let proved = made.elapsed();
        forger.verify(&proof).unwrap();
        println!("{kind:?} prove {proved:?} both {:?}", made.elapsed());
    }
    for case in claims::cases() {
        let begin = std::time::Instant::now();
        case.check(&case.proof).unwrap();
        println!(
            "{:?} check {:?} bytes {} chunks {} steps {}",
            case.claim.kind,
            begin.elapsed(),
            case.proof.to_bytes().unwrap().len(),
            case.proof.groups[0].trace.len(),
            case.proof.groups[0].steps.len()
        );
    }
    println!("{:?}", start.elapsed());
}
