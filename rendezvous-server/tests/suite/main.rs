//! All tests of the server beyond those beside the code: the pure core with injected time, the
//! store, the program, and the server with real clients on loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "time begins somewhere; tasks end with a test's runtime"
)]

mod autonat;
mod backup;
mod cli;
mod client;
mod client_swarm;
mod copies;
mod drills;
mod durability;
mod groups;
mod hostile;
mod memory_names;
mod names;
mod newcomers;
mod operating;
mod people;
mod presence;
mod registration;
mod relay;
mod scenario;
mod serving;
mod star;
mod store;
mod streams;
mod test_server;
mod topics;
