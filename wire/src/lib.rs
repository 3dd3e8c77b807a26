//! Formats and limits of the Natterjack protocol, version 1.
//!
//! Everything that crosses a network or is hashed or signed is defined here, and bytes from the
//! network are parsed here and nowhere else. This crate does no IO, is not async and reads no
//! clock; randomness comes in as an argument. `docs/protocol.md` is the specification.

pub mod account;
pub mod admission;
pub mod blob;
pub mod bounded;
pub mod codec;
pub mod conversation;
pub mod event;
pub mod frame;
pub mod id;
pub mod invite;
pub mod key;
pub mod limits;
pub mod name;
pub mod pairing;
pub mod rendezvous;
pub mod signed;
pub mod sync;
