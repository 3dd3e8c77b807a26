//! The Natterjack peer: a pure core, the node that runs it, its store, and the front ends.

pub mod backup;
pub mod blob;
pub mod cli;
pub mod core;
pub mod demo;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(feature = "gui")]
pub mod gui;
pub mod handle;
pub mod headless;
pub mod media;
pub mod node;
#[cfg(all(feature = "gui", target_os = "linux"))]
mod notify;
pub mod recovery;
pub mod salvage;
pub mod signals;
pub mod store;
#[cfg(feature = "gui")]
pub mod window;
