//! Recall: the reader beside the ingress. It finds, lists and gets what was stored.
//!
//! | module | what it does |
//! |---|---|
//! | [`words`] | the words of a memory and of a query |
//! | [`rank`] | which memories answer a query best |
//! | [`mod@line`] | a memory of the log, proved, and its place in the order of time |
//! | [`log`] | what S3 has of a scope at one moment: what is listed, and the status of each memory |
//! | [`kept`] | what this process has read before, with its index |
//! | [`view`] | the memories of an entity as one compressed object |
//! | [`find`] | search, list and get |
//! | [`entities`] | which entities a log has |
//! | [`question`], [`shown`], `documents` | what is asked, and how a memory and a response are written |
//! | [`counted`] | what the calls to S3 of a request come to |
//! | [`access`] | what a caller may read, and what it is told where there is no answer |
//! | [`tools`], [`endpoints`] | MCP and HTTP |
//! | [`described`] | what the OpenAPI document says of all this |
//! | [`events`] | every event of a scope, and what is wrong among them |
//! | [`change`] | verify, lock, delete and restore: who may, and who wins a race |
//!
//! Invariant: the list is the truth and a view is a cache. Nothing is kept but in S3, and no answer is
//! partial. The crate must not know the write path.

pub mod words;

pub mod rank;

pub mod line;

pub mod log;

pub mod kept;
pub mod view;

pub mod find;

pub mod entities;
pub mod events;

pub mod change;

mod documents;
pub mod shown;

pub mod question;

pub mod counted;

pub mod access;

pub mod tools;

pub mod endpoints;

pub mod described;
