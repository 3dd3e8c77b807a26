//! The Natterjack rendezvous server: names, introductions, circuits and group topics.
//!
//! [`service`] is the pure core; [`server`] is the one task that owns the swarm and carries out
//! what the core decides. The server stores names and nothing else.

pub mod addresses;
pub mod admin;
pub mod admission;
pub mod backup;
pub mod bans;
mod behaviour;
mod boxed;
pub mod bystander;
pub mod check;
pub mod circuit_bytes;
pub mod cli;
pub mod client_streams;
pub mod config;
pub mod connections;
pub mod counters;
pub mod data_dir;
pub mod dial_guard;
pub mod doors;
mod execute;
pub mod gate;
pub mod gossip;
mod handshakes;
pub mod http;
pub mod identity;
pub mod listen;
pub mod load;
pub mod log;
mod metered;
pub mod metrics;
pub mod names;
pub mod newcomers;
pub mod notify;
mod operate;
pub mod operator;
pub mod presence;
pub mod probe;
pub mod prove;
pub mod rate_limit;
mod relaying;
pub mod requests;
pub mod server;
pub mod service;
pub mod setup;
pub mod store;
pub mod streams;
pub mod system;
pub mod topics;
mod translate;
mod transport;
