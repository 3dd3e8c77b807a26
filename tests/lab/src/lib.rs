//! The real server and peers behind every kind of network, made of namespaces by `patchbay`, two and
//! two: which road do they find, and how fast?

pub mod networks;
pub mod pair;
pub mod programs;
pub mod run;
pub mod table;
