//! The Natterjack peer: a pure core, the node that runs it, its store, and the front ends.

pub mod blob;
pub mod core;
pub mod handle;
pub mod media;
pub mod store;
