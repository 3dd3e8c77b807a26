//! The peer's logic without IO: what it knows, decides and wants done.
//!
//! [`machine::Machine`] is the state; [`input`] has everything that goes in and comes out.

mod attachments;
pub mod command;
mod commands;
mod conversation;
mod groups;
pub mod input;
mod introductions;
mod links;
mod log;
pub mod machine;
pub mod model;
pub mod notice;
mod paths;
mod people;
mod publish;
mod receipts;
mod replication;
mod session;
pub mod storage;
mod timeline;
