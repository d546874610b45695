//! Recall: the reader beside the ingress. It finds, lists and gets what was stored.
//!
//! Invariant: the list is the truth and a view is a cache. Nothing is kept but in S3, and no answer is
//! partial. The crate must not know the write path.

pub mod words;

pub mod rank;
