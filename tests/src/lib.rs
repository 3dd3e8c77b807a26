//! Runs the real programs for the tests: servers, peers and a screen, each in a temporary folder of
//! its own, with everything they say on record. What a scenario waits for is a condition.
//!
//! A scenario is run alone with `tests/run.sh --test e2e direct::`, or any other part of its name.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "the harness serves tests alone: it fails them with a message"
)]

pub mod event;
pub mod peer;
pub mod process;
pub mod record;
pub mod run;
pub mod samples;
pub mod screen;
pub mod server;
pub mod traces;
