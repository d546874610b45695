//! The status of a memory, and which steps lead from one to another.

use std::fmt;

/// How far a memory is trusted, and whether it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Every new memory.
    Unverified,
    /// A steward checked it.
    Verified,
    /// A steward checked it, and nobody may delete it.
    Locked,
    /// Hidden. The log keeps its bytes.
    Deleted,
}

impl Status {
    /// Every status, in the order of the table of changes.
    pub const ALL: [Self; 4] = [
        Self::Unverified,
        Self::Verified,
        Self::Locked,
        Self::Deleted,
    ];

    /// The status as an event and a request spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::Locked => "locked",
            Self::Deleted => "deleted",
        }
    }

    /// Reads that spelling; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the table of changes says about a request for a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The memory has this status already.
    Holds,
    /// The step is allowed.
    Free,
    /// The step is allowed to a caller who names, in `If-Match`, the event that it saw.
    Seen,
    /// The memory is locked, and the step would hide or demote it.
    Locked,
    /// The memory is deleted, and only a restored memory takes this step.
    Deleted,
}

/// The table of changes: what a request for the status `to` meets at a memory of the status `from`.
///
/// To unlock and to restore undo what somebody decided, so a caller must have seen that decision.
#[must_use]
pub fn step(from: Status, to: Status) -> Step {
    use Status::{Deleted, Locked, Unverified, Verified};
    match (from, to) {
        (Unverified, Unverified) | (Verified, Verified) | (Locked, Locked) | (Deleted, Deleted) => {
            Step::Holds
        }
        (Unverified, Verified | Locked | Deleted) | (Verified, Unverified | Locked | Deleted) => {
            Step::Free
        }
        (Locked, Verified) | (Deleted, Unverified) => Step::Seen,
        (Locked, Unverified | Deleted) => Step::Locked,
        (Deleted, Verified | Locked) => Step::Deleted,
    }
}
