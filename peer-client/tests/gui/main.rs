//! The window, driven as a person does, over real models and a real port.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

mod announcing;
mod changing;
mod completing;
mod consent;
mod controls;
mod conversations;
mod details;
mod devices;
mod drafts;
mod first_page;
mod gallery;
mod hostile;
mod keyboard;
mod marked_up;
mod private_groups;
mod safekeeping;
mod searching;
mod settings;
mod support;
mod verifying;
mod wide;
mod writing;
