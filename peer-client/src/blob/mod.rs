//! Attachments: whole files on disk by their hash, and verified transfer of them between devices.
//!
//! [`store`] keeps them, [`transfer`] speaks `/natterjack/blob/1`. Who may have which attachment is
//! decided elsewhere.

mod download;
mod encoder;
mod files;
mod folder;
mod groups;
mod link;
mod pace;
mod runs;
mod shares;
pub mod store;
pub mod transfer;
mod walk;
mod window;

pub use pace::Pace;

#[cfg(test)]
mod tests;
