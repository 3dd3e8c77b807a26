//! Tests of the protocol's formats: golden vectors, round trips, hostile input, limits, replay of
//! the fuzz corpus, and comparison with a second CBOR library.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cbor;
mod corpus;
mod differential;
mod encodings;
mod events;
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets, another crate, reach it")]
mod fuzz_bodies;
mod golden;
mod groups;
mod limits;
mod mutation;
mod names;
mod round_trips;
mod signatures;
mod strategies;
mod values;
mod vectors;
