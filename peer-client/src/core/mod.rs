//! The peer's logic without IO: what it knows, decides and wants done.
//!
//! [`machine::Machine`] is the state; [`input`] has everything that goes in,
//! [`effect`] what comes out.

mod attachments;
mod carrying;
mod changes;
pub mod command;
mod commands;
mod comparison;
mod consent;
mod contacts;
mod conversation;
mod details;
pub mod devices;
pub mod diagnostics;
mod dialling;
pub mod effect;
mod gossip;
mod greeting;
mod groups;
mod hiding;
pub mod input;
mod intake;
mod introductions;
mod invitations;
mod links;
mod log;
pub mod machine;
pub mod model;
mod neighbourhood;
mod neighbours;
mod newest;
pub mod notice;
pub mod opening;
mod own;
mod paths;
mod pending;
mod people;
mod publish;
mod receipts;
mod records;
mod repair;
mod replication;
mod session;
pub mod storage;
mod streams;
mod timeline;
mod trouble;
pub mod verification;
mod whereabouts;
pub(crate) mod withheld;

#[cfg(any(test, fuzzing))]
pub(crate) mod tests;
