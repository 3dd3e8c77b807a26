//! The Natterjack peer: a pure core, the node that runs it, its store, and the front ends.

pub mod blob;
pub mod cli;
pub mod core;
pub mod demo;
pub mod handle;
pub mod headless;
pub mod media;
pub mod node;
pub mod store;
