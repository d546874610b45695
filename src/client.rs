//! The client of a deployed service: it signs a call, sends it, and repeats it without storing a
//! memory twice (contract 7.4).
//!
//! [`target`] is the URL, [`field`] a header field that the user adds, [`signer`] AWS Signature
//! Version 4, [`verdict`] what a response means, [`endpoint`] the calls, [`recall`] the tools that
//! there are, [`mod@check`] whether a call gets through, [`health`] whether it is up, and [`fetch`]
//! documents of other servers. Its errors name the options of the command line that help. The module must
//! not print.

pub mod check;
pub mod endpoint;
pub mod fetch;
pub mod field;
pub mod health;
pub mod recall;
pub mod signer;
pub mod target;
pub mod verdict;
