//! The window, driven as a person does, over real models and a real port.

mod conversations;
mod first_page;
mod support;
mod writing;
