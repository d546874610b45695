//! What each program of this service allocates with where its C library is musl, whose own allocator is slow.
//!
//! One library has it, so that no program forgets it. The module must not know anything else.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
