//! The parts of the window. Each view draws from the newest model; what the user wants leaves as
//! wishes.

pub(crate) mod about;
pub(crate) mod banner;
pub(crate) mod behaviour;
pub(crate) mod beside;
pub(crate) mod chat;
pub(crate) mod completing;
pub(crate) mod consent;
pub(crate) mod conversation_row;
pub(crate) mod details;
pub(crate) mod devices;
pub(crate) mod diagnostics;
pub(crate) mod dialogs;
pub(crate) mod find;
pub(crate) mod found;
pub(crate) mod header;
pub(crate) mod invitations;
pub(crate) mod keys;
pub(crate) mod lightbox;
pub(crate) mod marks;
pub(crate) mod message_menu;
pub(crate) mod messages;
pub(crate) mod overlay;
pub(crate) mod palette;
pub(crate) mod parts;
pub(crate) mod picker;
pub(crate) mod roads;
pub(crate) mod safekeeping;
pub(crate) mod safety;
pub(crate) mod settings;
pub(crate) mod sidebar;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod ways;
