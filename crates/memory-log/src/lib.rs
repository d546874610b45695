//! What a memory is, byte by byte: reading it from JSON, judging it, and encoding it for the log.
//!
//! | module | what it holds |
//! |---|---|
//! | [`json`] | JSON text, read once and kept as it was written |
//! | [`timestamp`] | RFC 3339 in, UTC to the nanosecond out |
//! | [`fault`] | what is wrong with a request, and where |
//! | [`metadata`] | the caller's own JSON object |
//! | [`memory`] | [`memory::Draft`] → [`memory::Memory`]: every rule about meaning |
//! | [`object`] | [`memory::Memory`] → [`object::Object`]: id, key, bytes, digest; and back, proved |
//! | [`event`] | a change of a memory's status: its key, its bytes, and the table of changes |
//! | [`scope`] | a caller's claims → [`scope::WriteScope`], [`scope::ReadScope`], [`scope::ChangeScope`] |
//! | [`steward`] | who may give a memory which status |
//!
//! Invariant: everything here is pure. There is no async code, no AWS, no HTTP, no clock, no
//! randomness and no environment; time enters by an argument.

pub mod json;
pub mod timestamp;

pub mod fault;
pub mod metadata;

pub mod memory;

pub mod object;

pub mod event;

pub mod scope;
pub mod steward;
