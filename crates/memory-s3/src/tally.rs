//! What the calls to S3 of one request come to: how many, how long, and what was odd about them.
//!
//! Whoever handles a request makes a tally and hands copies of it to the writers and readers that it
//! uses. Calls run side by side, so their time is that in which at least one was under way. A call
//! counts when it begins, also where it is given up. The module must not know what is read or written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memory_trace::span::Span;

/// Remarks of one request that are kept. More of them say the same.
const REMARKS_MAX: usize = 8;
/// Calls of one request that have a span. A search may get thousands of objects: they are only counted.
const SPANS_MAX: usize = 64;

/// Counts the calls to S3 of one request. Copies count together.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    open: Arc<Mutex<Open>>,
    /// The span of the request.
    span: Span,
}

/// What the calls came to so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that list, each a page.
    pub lists: usize,
    /// Keys that they listed.
    pub keys: usize,
    /// Calls that get an object of the log.
    pub gets: usize,
    /// Calls that put an object of the log.
    pub puts: usize,
    /// Views that were there and came in time.
    pub view_hits: usize,
    /// Views that were asked for in vain.
    pub view_misses: usize,
    /// Views that were put.
    pub views_built: usize,
    /// The time in which at least one call was under way; `None` if there was none.
    pub time: Option<Duration>,
    /// How long the put waited for a connection that could take it: next to nothing where one was kept.
    pub connecting: Option<Duration>,
    /// S3's own id of the last put that was answered.
    pub request_id: Option<String>,
    /// What was odd, in words for the log. They can have keys, and S3's messages.
    pub remarks: Vec<String>,
}

#[derive(Debug, Default)]
struct Open {
    counts: Counts,
    /// Calls that are under way, and since when at least one has been.
    calls: usize,
    since: Option<Instant>,
}

/// A call that is under way until this is dropped.
pub(crate) struct Call {
    tally: Tally,
    span: Span,
}

/// What a call does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    List,
    Get,
    Put,
    GetView,
    PutView,
}

impl Kind {
    /// The operation of S3, by its full name, which is a span's name too
    /// (<https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/>).
    fn name(self) -> &'static str {
        match self {
            Self::List => "S3/ListObjectsV2",
            Self::Get | Self::GetView => "S3/GetObject",
            Self::Put | Self::PutView => "S3/PutObject",
        }
    }
}

impl Tally {
    /// Counts the calls of the request that has this span.
    #[must_use]
    pub fn of(span: Span) -> Self {
        Self {
            open: Arc::default(),
            span,
        }
    }

    /// What the calls came to so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let open = self.open();
        let mut counts = open.counts.clone();
        if let Some(since) = open.since {
            counts.time = Some(counts.time.unwrap_or_default() + since.elapsed());
        }
        counts
    }

    /// Keeps a remark for the log.
    pub fn remark(&self, what: impl Into<String>) {
        let remarks = &mut self.open().counts.remarks;
        if remarks.len() < REMARKS_MAX {
            remarks.push(what.into());
        }
    }

    /// Begins a call to this bucket.
    pub(crate) fn begin(&self, kind: Kind, bucket: &str) -> Call {
        let mut open = self.open();
        match kind {
            Kind::List => open.counts.lists += 1,
            Kind::Get => open.counts.gets += 1,
            Kind::Put => open.counts.puts += 1,
            Kind::GetView | Kind::PutView => {}
        }
        open.calls += 1;
        open.since.get_or_insert_with(Instant::now);
        let Counts {
            lists, gets, puts, ..
        } = open.counts;
        drop(open);
        let span = match lists + gets + puts <= SPANS_MAX {
            true => self.span.of_call(kind.name()),
            false => Span::default(),
        };
        span.fill(|span| {
            span.text("rpc.system.name", "aws-api");
            span.text("rpc.method", kind.name());
            span.text("aws.s3.bucket", bucket);
        });
        Call {
            tally: self.clone(),
            span,
        }
    }

    pub(crate) fn add(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.open().counts);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Its span, which also ends with the call unless this is kept.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Says in its span that the call failed: with this code of S3, or without a response that has one.
    pub(crate) fn failed(&self, code: Option<&str>) {
        self.span.fill(|span| span.failed(code));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut open = self.tally.open();
        open.calls -= 1;
        if open.calls == 0
            && let Some(since) = open.since.take()
        {
            open.counts.time = Some(open.counts.time.unwrap_or_default() + since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    #[test]
    fn calls_side_by_side_take_their_time_once() {
        let tally = Tally::default();
        assert_eq!(tally.counts(), Counts::default());
        let (list, get) = (
            tally.begin(Kind::List, "b"),
            tally.clone().begin(Kind::Get, "b"),
        );
        sleep(MOMENT);
        drop((list, get));
        let both = tally.counts();
        let time = both.time.unwrap();
        assert!(time >= MOMENT && (both.lists, both.gets) == (1, 1));
        sleep(MOMENT);
        assert_eq!(tally.counts().time, Some(time), "no call is under way");
        let put = tally.begin(Kind::Put, "b");
        sleep(MOMENT);
        assert!(tally.counts().time >= Some(time + MOMENT), "nor ended yet");
        drop(put);
        assert!(tally.counts().time >= Some(time + MOMENT));
    }

    #[test]
    fn remarks_have_an_end() {
        let tally = Tally::default();
        for number in 0..20 {
            tally.remark(number.to_string());
        }
        assert_eq!(tally.counts().remarks.len(), REMARKS_MAX);
    }
}
