//! The peer's logic without IO: what it knows, decides and wants done.

pub mod command;
pub mod model;
pub mod notice;
