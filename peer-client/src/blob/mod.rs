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
mod runs;
pub mod store;
pub mod transfer;
mod walk;
mod window;

#[cfg(test)]
mod tests;
