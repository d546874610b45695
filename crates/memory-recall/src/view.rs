//! A view: the log's own lines of one entity, compressed into one object, so that a read need not get
//! an object for each memory (contract 8.10).
//!
//! The form is zstd over lines: a header that names the version and the entity, then the objects of
//! memories, the newest first. Keys are not stored, because a line proves its own. Nothing in a view is
//! believed: a line counts if it is the object of a memory, to the byte, and its key is listed. Whatever
//! else is in a view costs time and no answer. The module must not know where views are kept.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::iter;

use memory_log::object::{Object, Stored};
use memory_log::scope::ReadScope;
use memory_s3::views::VERSION;
use zstd::{Decoder, Encoder};

/// The default level of zstd: 100,000 lines of 690 bytes become a sixth in 0.3 seconds.
const LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;
/// The window of this level, 2 MiB. A view that demands more memory of its reader is not read.
const WINDOW_LOG: u32 = 21;

/// The view of these lines, which are objects of the scope's memories in the order of their keys.
///
/// They are stored in reverse, so that a listing of the newest memories finds them within its own size.
///
/// # Errors
/// zstd had no memory for its work.
pub fn encode(
    scope: &ReadScope,
    lines: impl DoubleEndedIterator<Item = impl AsRef<[u8]>>,
) -> io::Result<Vec<u8>> {
    let mut view = Encoder::new(Vec::new(), LEVEL)?;
    view.write_all(header(scope).as_bytes())?;
    for line in lines.rev() {
        view.write_all(line.as_ref())?;
        view.write_all(b"\n")?;
    }
    view.finish()
}

/// The memories of a view whose keys are listed, each once and each proved.
///
/// At most `bytes_max` bytes of lines are read: the sum of the listed sizes. What follows them or a
/// damage is left out, and so is the whole view if it is not one of this scope and version.
pub fn decode<'a>(
    scope: &'a ReadScope,
    view: &'a [u8],
    bytes_max: u64,
    is_listed: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = Stored> + 'a {
    let mut lines = lines(scope, view);
    let mut left = bytes_max;
    let mut line = Vec::new();
    let mut seen = HashSet::new();
    iter::from_fn(move || {
        let lines = lines.as_mut()?;
        while next(lines, &mut line, &mut left) {
            if let Ok(stored) = Object::prove(&line)
                && stored.object.key.starts_with(scope.memories())
                && is_listed(&stored.object.key)
                && seen.insert(stored.object.memory_id)
            {
                return Some(stored);
            }
        }
        None
    })
}

/// The lines after the header, if the header is the scope's own.
fn lines<'a>(scope: &ReadScope, view: &'a [u8]) -> Option<BufReader<Decoder<'a, &'a [u8]>>> {
    let mut view = Decoder::with_buffer(view).ok()?;
    view.window_log_max(WINDOW_LOG).ok()?;
    let mut lines = BufReader::new(view);
    let own = header(scope);
    let mut found = vec![0; own.len()];
    lines.read_exact(&mut found).ok()?;
    (found == own.as_bytes()).then_some(lines)
}

/// Reads the next line, or what is left of it. False at the end, at a damage, and at an empty line, which
/// no object is: a forged view of nothing but line breaks must end as well.
fn next(lines: &mut impl BufRead, line: &mut Vec<u8>, left: &mut u64) -> bool {
    line.clear();
    let read = lines.take(*left).read_until(b'\n', line);
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    *left = left.saturating_sub(line.len() as u64);
    read.is_ok() && !line.is_empty()
}

/// The first line. The prefix of the entity's keys names domain and entity, and needs no escapes.
fn header(scope: &ReadScope) -> String {
    let prefix = scope.memories();
    format!("{{\"view\":{VERSION},\"prefix\":\"{prefix}\"}}\n")
}

#[cfg(test)]
mod tests;
