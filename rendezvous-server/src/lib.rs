//! The Natterjack rendezvous server: names, introductions, circuits and group topics.
//!
//! [`service`] is the pure core; [`server`] is the one task that owns the swarm and carries out
//! what the core decides. The server stores names and nothing else.

pub mod addresses;
pub mod admission;
mod behaviour;
pub mod cli;
pub mod client_streams;
pub mod config;
pub mod connections;
pub mod data_dir;
pub mod dial_guard;
mod execute;
pub mod gossip;
pub mod identity;
pub mod listen;
pub mod names;
pub mod presence;
pub mod rate_limit;
mod relaying;
pub mod requests;
pub mod server;
pub mod service;
pub mod store;
pub mod streams;
pub mod topics;
mod translate;
