//! Where the next page of a list begins. Opaque to callers, and only good for the list it came from.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use memory_log::scope::ReadScope;
use memory_s3::reader::Listed;
use sha2::{Digest, Sha256};

use super::{Filters, Order};
use crate::line::Place;

/// Bytes of the digest: enough that no two lists of a caller have the same by chance. It guards against
/// mistakes: a forged cursor only begins elsewhere in the same scopes.
const DIGEST_BYTES: usize = 12;

/// The last memory of a page, and which list it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    list: [u8; DIGEST_BYTES],
    pub(super) last: Place,
}

impl Cursor {
    /// Reads a cursor; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (list, key) = bytes.split_first_chunk()?;
        let key = std::str::from_utf8(key).ok()?.to_owned();
        let last = Place::of(Listed {
            key,
            bytes: 0,
            etag: None,
        })?;
        Some(Self { list: *list, last })
    }

    pub(super) fn after(last: &Place, list: ListId) -> Self {
        // The key says all of a place except its size, which has no meaning here.
        let last = Place {
            bytes: 0,
            ..last.clone()
        };
        Self { list: list.0, last }
    }

    /// Whether it came from this list.
    pub(super) fn is_of(&self, list: ListId, scopes: &[&ReadScope]) -> bool {
        self.list == list.0 && scopes.iter().any(|scope| scope.covers(&self.last.key))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.list, self.last.key.as_bytes()].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// What tells one list from another: its scopes, filters and order. The order of values has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId([u8; DIGEST_BYTES]);

impl ListId {
    pub(super) fn of(scopes: &[&ReadScope], filters: &Filters, order: Order) -> Self {
        let Filters {
            tags,
            memory_types,
            statuses,
            since,
            until,
        } = filters;
        let instant = |instant: &Option<_>| instant.iter().map(ToString::to_string).collect();
        let mut hash = Sha256::new();
        for mut values in [
            scopes
                .iter()
                .map(|scope| scope.memories().to_owned())
                .collect(),
            tags.clone(),
            memory_types.clone(),
            statuses.iter().map(ToString::to_string).collect(),
            instant(since),
            instant(until),
            vec![format!("{order:?}")],
        ] {
            values.sort_unstable();
            values.dedup();
            hash.update((values.len() as u64).to_be_bytes());
            for value in &values {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value);
            }
        }
        let mut list = [0; DIGEST_BYTES];
        list.iter_mut()
            .zip(hash.finalize())
            .for_each(|(to, from)| *to = from);
        Self(list)
    }
}
