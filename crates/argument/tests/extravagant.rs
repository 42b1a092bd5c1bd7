//! Small valid architectures whose layout would exhaust a verifier: refused with a sentence, soon.
//!
//! Each child process has 10 seconds of a processor and 200 MB: what an architecture may cost at most.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/extravagant.rs"]
mod extravagant;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/verifier.rs"]
mod verifier;

use std::time::{Duration, Instant};

use pleat_argument::Error;
use pleat_argument::program::Kind;
use verifier::verifier;

const SECONDS: u64 = 10;
const MEGABYTES: u64 = 200;

/// What the parent runs.
#[test]
#[ignore = "run by its parent"]
fn child() {
    let name = std::env::var("PLEAT_EXTRAVAGANT").unwrap();
    let (network, row_bits) = extravagant::case(&name);
    network.validate().expect("a valid network");
    let outcome = verifier(&network, Kind::Outputs, row_bits, 0);
    let spent = measure::processor("self").unwrap_or_default();
    let kilobytes = measure::peak("self").unwrap_or_default();
    match outcome {
        Err(Error::Layout(message)) => {
            println!("{name}: {message}");
            let places = ["layer ", "output ", "the activation of layer "];
            assert!(places.iter().any(|p| message.starts_with(p)), "{message}");
        }
        Err(other) => panic!("{name}: {other}"),
        // What is costly here are the commitments, which this does not make.
        Ok(_) if name == "tables" => panic!("tables for half a minute of commitments"),
        Ok(work) => println!("{name}: {work} units"),
    }
    println!("{name}: {spent:.2?}, {kilobytes} kB");
    assert!(spent < Duration::from_secs(SECONDS), "{name}: {spent:?}");
    assert!(kilobytes < MEGABYTES * 1000, "{name}: {kilobytes} kB");
}

fn affordable(name: &str) {
    let own = std::env::current_exe().unwrap();
    // Addresses that threads reserve and do not fill come on top.
    let script = "ulimit -v 524288; exec \"$0\" --exact child --ignored --nocapture";
    let mut child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(own)
        .env("PLEAT_EXTRAVAGANT", name)
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // Other work may be going on: the child counts its own.
        if begin.elapsed() > Duration::from_secs(6 * SECONDS) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name}: more than {} seconds", 6 * SECONDS);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{name}: {status}");
}

#[cfg(unix)]
#[test]
fn every_case_is_affordable() {
    for name in extravagant::CASES {
        affordable(name);
    }
}
