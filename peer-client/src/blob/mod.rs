//! Attachments: whole files on disk by their hash, and verified transfer of them between devices.
//!
//! [`store`] keeps them, [`transfer`] speaks `/natterjack/blob/1`. Who may have which attachment is
//! decided elsewhere.

mod encoder;
mod files;
mod groups;
mod link;
mod partial;
pub mod store;
pub mod transfer;
mod walk;

#[cfg(test)]
mod tests;
