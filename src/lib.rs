//! memory-ingress takes one memory, stores it durably in Amazon S3, and confirms it only then.
//!
//! The way of a memory through the modules and crates:
//!
//! | step | module | in → out |
//! |---|---|---|
//! | 1 limits, caller, media types | [`memory_web::http`], [`http`] | request → bytes |
//! | 2 shape | [`shape`]: [`jsonapi`] or [`tool`] | bytes → [`memory_log::memory::Draft`] |
//! | 3 meaning | [`memory_log::memory`] | draft → [`memory_log::memory::Memory`] |
//! | 4 scope | [`memory_log::scope`] | claims, memory → [`memory_log::scope::WriteScope`] |
//! | 5 encoding | [`memory_log::object`] | memory → [`memory_log::object::Object`] |
//! | 6 durable write | [`memory_s3::writer`] | object → [`memory_s3::writer::Put`] |
//! | 7 the use case | [`remember`] | draft → [`remember::Receipt`] |
//! | 8 representation | [`jsonapi`], [`tool`], [`memory_web::problem`] | receipt or failure → document |
//!
//! `joined` serves recall in the same process. `server` reads requests from sockets, and `stdio` serves an
//! agent on a pipe. `client` calls a deployed service, and `issuer` verifies the tokens of callers.
//! `options` is the command line, `manual` its completions and manual pages, `erase` plans an erasure, and
//! `hits`, `replayed` and `progress` are what a person at a terminal sees. `openapi` generates the document
//! of the HTTP interface. [`clock`] is the time.
//! `docs/contract.md` is what all of this promises.

pub mod clock;

pub mod remember;

pub mod jsonapi;
pub mod tool;

pub mod shape;

pub mod http;

#[cfg(feature = "local")]
pub mod client;
#[cfg(feature = "local")]
pub mod erase;
#[cfg(feature = "local")]
pub mod hits;
#[cfg(feature = "local")]
pub mod issuer;
#[cfg(feature = "local")]
pub mod joined;
#[cfg(feature = "local")]
pub mod manual;
#[cfg(feature = "local")]
pub mod openapi;
#[cfg(feature = "local")]
pub mod options;
#[cfg(feature = "local")]
pub mod progress;
#[cfg(feature = "local")]
pub mod replayed;
#[cfg(feature = "local")]
pub mod server;
#[cfg(feature = "local")]
pub mod stdio;
