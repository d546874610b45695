//! The protocol of a change, without I/O: what to do after each look at the log.
//!
//! S3's conditional put decides every race, so there is no lock and no clock here. Who loses a race
//! looks again, and tries again only if the request still means the same step. `properties.rs` tries
//! every interleaving of small numbers of clients. The module must not know S3, time, or texts.

use std::fmt;

use memory_log::event::{Seq, Status, Step, step};

use super::precondition::{IfMatch, Unmet, judge};

/// Most puts of one request: after four lost races a caller is told to come back.
pub(super) const PUTS_MAX: u8 = 4;

/// One request for a status, on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attempt<'r> {
    to: Status,
    if_match: Option<&'r IfMatch>,
    /// The status that the first put was made from: the step that the request means.
    from: Option<Status>,
    puts: u8,
}

/// What a look at the log says about a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Standing {
    pub(super) status: Status,
    /// The number of the highest event.
    pub(super) highest: Option<Seq>,
    /// Whether that event has the actor and the reason of this request.
    pub(super) is_of_this_request: bool,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Next {
    /// Put the event after the highest one. If its number is taken, look again.
    Put,
    /// The memory has the status that was asked for.
    Holds {
        /// This request, or one like it, has made the change.
        is_replayed: bool,
    },
    /// The request ends without a change.
    End(End),
}

/// Why a request ends without a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The memory is locked.
    Locked,
    /// The memory is deleted.
    Deleted,
    /// `If-Match` is needed, or does not match.
    Precondition(Unmet),
    /// Another change came between, and the request no longer means the same step.
    ChangedMeanwhile,
    /// Other changes were first, each time.
    Contended,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locked => "the memory is locked",
            Self::Deleted => "the memory is deleted",
            Self::Precondition(Unmet::Required) => "the change needs an If-Match",
            Self::Precondition(Unmet::Failed) => "If-Match names another event",
            Self::ChangedMeanwhile => "another change came between",
            Self::Contended => "other changes were first, each time",
        })
    }
}

impl<'r> Attempt<'r> {
    pub(super) fn new(to: Status, if_match: Option<&'r IfMatch>) -> Self {
        Self {
            to,
            if_match,
            from: None,
            puts: 0,
        }
    }

    /// Decides after a look: the first one, or the one after a put whose number was taken.
    pub(super) fn looked(&mut self, standing: Standing) -> Next {
        let step = step(standing.status, self.to);
        if step == Step::Holds {
            let is_replayed = standing.is_of_this_request;
            return Next::Holds { is_replayed };
        }
        if self.from.is_some_and(|from| from != standing.status) {
            return Next::End(End::ChangedMeanwhile);
        }
        match step {
            Step::Locked => return Next::End(End::Locked),
            Step::Deleted => return Next::End(End::Deleted),
            Step::Holds | Step::Free | Step::Seen => {}
        }
        if let Err(unmet) = judge(self.if_match, step, standing.highest) {
            return Next::End(End::Precondition(unmet));
        }
        if self.puts == PUTS_MAX {
            return Next::End(End::Contended);
        }
        self.from = Some(standing.status);
        self.puts += 1;
        Next::Put
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
