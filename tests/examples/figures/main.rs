//! Measures what Natterjack does beside what its parts do bare, in the same minute on the same machine,
//! and prints the ratios. Arguments name what to measure; without any, all is.
//!
//! Programs are taken from the folder of this one's profile: build everything first, with `--release` for
//! figures that mean something to others.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

mod attachments;
mod catching_up;
mod latency;
mod roads;
mod sending;

use std::env;

fn main() {
    let wanted: Vec<_> = env::args().skip(1).collect();
    let measures: [(&str, fn()); 4] = [
        ("sending", sending::measure),
        ("catching-up", catching_up::measure),
        ("attachments", attachments::measure),
        ("latency", latency::measure),
    ];
    for (name, measure) in measures {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            println!("== {name}");
            measure();
        }
    }
}

/// A size or number that the environment may set.
fn number(variable: &str, usual: usize) -> usize {
    env::var(variable).map_or(usual, |value| value.parse().expect("a number"))
}
