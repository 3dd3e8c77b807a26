//! All tests of the server beyond those beside the code: the pure core with injected time, the
//! store, the program, and the server with real clients on loopback.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod cli;
mod memory_names;
mod names;
mod people;
mod presence;
mod registration;
mod scenario;
mod store;
mod topics;
