//! The service as its callers, its operators and its storage see it.

fn main() {}
