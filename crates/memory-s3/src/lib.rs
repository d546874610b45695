//! Amazon S3 as the log uses it, and an embedded S3 with the same behavior over a folder.
//!
//! | module | what it does |
//! |---|---|
//! | [`aws`] | the SDK's settings, connections and TLS, region, credentials, and the text of an error chain |
//! | [`writer`] | puts memories: one attempt, and one outcome: stored, not stored, or unknown |
//! | [`changer`] | puts events: one attempt, and one outcome: stored, number taken, not stored, or unknown |
//! | [`witness`] | sees on the wire whether a request was begun |
//! | [`failure`] | why a call failed: words, S3's code and its request id |
//! | [`tally`] | counts and times the calls of one request |
//! | `bucket` | a client, the name of its bucket, and what counts the calls; private |
//! | `put` | one attempt to put an object, and what is known afterwards; private |
//! | [`reader`] | lists, gets and proves what was stored |
//! | [`versions`] | lists what was deleted or replaced, and what Object Lock holds |
//! | [`views`] | gets and replaces views, the cache of what was stored |
//! | `embedded` | S3 over a folder, durable before it answers (feature `embedded`) |
//!
//! Invariant: [`writer::Writer`] puts memories alone and [`changer::Changer`] events alone, and neither
//! can get or list. [`reader::Reader`] and [`versions::Versions`] cannot put or delete, and
//! [`views::Views`] knows views alone. The crate must not know HTTP requests of ours, or what a caller is
//! told.

pub mod aws;

pub mod witness;

pub mod failure;
pub mod tally;

mod bucket;

mod put;

pub mod changer;
pub mod writer;

pub mod reader;

pub mod views;

pub mod versions;

#[cfg(feature = "embedded")]
pub mod embedded;
