//! The window, driven as a person does, over real models and a real port.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

mod changing;
mod consent;
mod conversations;
mod details;
mod devices;
mod first_page;
mod private_groups;
mod safekeeping;
mod searching;
mod settings;
mod support;
mod writing;
