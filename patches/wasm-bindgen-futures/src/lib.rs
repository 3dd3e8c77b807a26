//! Never compiled: libp2p-swarm names this crate for WebAssembly targets only, and pins a version
//! whose own dependencies exclude those of eframe. The decision record 0001 has the details.
