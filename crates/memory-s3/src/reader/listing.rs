//! Listing: all keys of a range in their order, or an error.
//!
//! S3 gives pages of 1,000 keys, so a range is read one page after another. Where some of its keys are
//! known, or where they lie can be guessed, its parts are listed side by side: each part is read on until
//! it reaches the next, so whatever was added is found, and a wrong guess costs requests alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use memory_log::object::{Prefix, earliest_key};
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::{Failed, ReadError, Reader, covered};
use crate::tally::Kind;

/// Pages that are fetched at once: those of 100,000 known keys.
const LISTS_AT_ONCE: usize = 128;
/// Pages of a range that are read before it is cut for the first time: a guess costs empty pages, and
/// most ranges have no more.
const PAGES_UNCUT: usize = 2;

/// The keys with a prefix, or those of them between two keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// What all the keys begin with.
    pub prefix: String,
    /// Only keys after this one.
    pub after: Option<String>,
    /// Only keys up to this one, and this one.
    pub through: Option<String>,
}

impl Range {
    /// All keys with a prefix.
    #[must_use]
    pub fn under(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// The memories of a scope from one instant on, and before another. A scope that is wider than an
    /// entity is listed whole, because its keys are not in the order of time.
    #[must_use]
    pub fn memories(scope: &ReadScope, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let earliest = |instant: Option<Timestamp>| {
            let (domain, entity_id) = (scope.domain()?, scope.entity_id()?);
            let prefix = Prefix::Entity { domain, entity_id };
            Some(earliest_key(prefix, instant?))
        };
        Self {
            prefix: scope.memories().to_owned(),
            after: earliest(since),
            through: earliest(until),
        }
    }

    /// The parts of this range between keys in ascending order. Each key is the last one of its part.
    fn parts(&self, cuts: &[String]) -> Vec<Self> {
        let is_within = |cut: &&String| {
            self.after.as_ref().is_none_or(|after| after < *cut)
                && self.through.as_ref().is_none_or(|through| *cut < through)
                && cut.starts_with(&self.prefix)
        };
        let mut rest = self.clone();
        let mut parts = Vec::new();
        for cut in cuts.iter().filter(is_within) {
            let is_ascending = rest.after.as_ref().is_none_or(|after| after < cut);
            if is_ascending {
                let after = rest.after.replace(cut.clone());
                parts.push(Self {
                    prefix: self.prefix.clone(),
                    after,
                    through: Some(cut.clone()),
                });
            }
        }
        parts.push(rest);
        parts
    }
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The size; as large as can be if S3 gives one that makes no sense.
    pub bytes: u64,
    /// S3's name for the bytes, if it gives one: other bytes under the same key have another.
    pub etag: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its objects in the order of their keys.
    pub listed: Vec<Listed>,
    /// The token of the next page, if the range goes on.
    next: Option<String>,
}

impl Page {
    /// What of this range this page does not have; `None` if it is the last.
    #[must_use]
    pub fn rest_of(&self, range: &Range) -> Option<Range> {
        self.next.as_ref()?;
        let last = self.listed.last().map(|listed| listed.key.clone());
        Some(Range {
            after: last.or_else(|| range.after.clone()),
            ..range.clone()
        })
    }
}

impl Reader {
    /// The first page of a range: at most 1,000 objects, and one request.
    ///
    /// # Errors
    /// [`ReadError`] if there is no such page, whole.
    pub async fn first_page(&self, scope: &ReadScope, range: &Range) -> Result<Page, ReadError> {
        covered(scope, &range.prefix)?;
        self.page_of(range).await
    }

    async fn page_of(&self, range: &Range) -> Result<Page, ReadError> {
        let page = self.page(range, None).await?;
        in_order(range, None, &page)?;
        Ok(page)
    }

    /// All objects of a range in the order of their keys; `None` if they are more than `most`, and then
    /// they are not listed to the end.
    ///
    /// The parts of the range between the cuts are listed side by side. A part of a thousand keys is one
    /// request, so cuts are best a little closer than that. A part that has more than two pages is cut
    /// further where `guess` says: it is given what was listed of the part. A folder is listed in one
    /// part, because there each part would read its folders again.
    ///
    /// # Errors
    /// [`ReadError`] if any page is missing.
    pub async fn list(
        &self,
        scope: &ReadScope,
        range: &Range,
        cuts: &[String],
        guess: impl Fn(&[Listed]) -> Vec<String> + Sync,
        most: usize,
    ) -> Result<Option<Vec<Listed>>, ReadError> {
        covered(scope, &range.prefix)?;
        if !self.is_remote {
            let all = self.listed(range).take(most.saturating_add(1));
            let all: Vec<_> = all.try_collect().await?;
            return Ok(Some(all).filter(|all| all.len() <= most));
        }
        let listing = Listing {
            reader: self,
            guess: &guess,
            requests: Semaphore::new(LISTS_AT_ONCE),
            listed: AtomicUsize::new(0),
            most,
        };
        match listing.parts(range.parts(cuts), PAGES_UNCUT).await {
            Ok(all) => Ok(Some(all)),
            Err(Stopped::TooMany) => Ok(None),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }

    /// Whether this key is listed.
    ///
    /// # Errors
    /// [`ReadError`] if it cannot be listed.
    pub async fn is_listed(&self, scope: &ReadScope, key: &str) -> Result<bool, ReadError> {
        covered(scope, key)?;
        // Of the keys with a prefix, the prefix itself is the first one.
        let page = self.page(&Range::under(key), None).await?;
        Ok(page.listed.first().is_some_and(|listed| listed.key == key))
    }

    /// The objects of a range in key order. The next page is fetched while one is read.
    pub(super) fn listed(
        &self,
        range: &Range,
    ) -> impl Stream<Item = Result<Listed, ReadError>> + use<> {
        let (reader, range) = (self.clone(), range.clone());
        let fetch = {
            let range = range.clone();
            move |token| {
                let (reader, range) = (reader.clone(), range.clone());
                let task = tokio::spawn(async move { reader.page(&range, token).await });
                AbortOnDropHandle::new(task)
            }
        };
        let pages = stream::unfold((NextPage::First, None), move |(next, last)| {
            let (fetch, range) = (fetch.clone(), range.clone());
            async move {
                let page = match next {
                    NextPage::First => fetch(None),
                    NextPage::Begun(page) => page,
                    NextPage::None => return None,
                };
                // A task that panicked must not look like the end.
                let page = page
                    .await
                    .unwrap_or_else(|error| Err(unlisted(&error.to_string())));
                let page =
                    page.and_then(|page| in_order(&range, last, &page).map(|last| (page, last)));
                Some(match page {
                    Ok((Page { listed, next }, last)) => {
                        let next = next
                            .map_or(NextPage::None, |token| NextPage::Begun(fetch(Some(token))));
                        (Ok(listed), (next, last))
                    }
                    Err(error) => (Err(error), (NextPage::None, None)),
                })
            }
        });
        pages
            .map_ok(|listed| stream::iter(listed.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The page of a range that this token names, or the first one.
    async fn page(&self, range: &Range, token: Option<String>) -> Result<Page, ReadError> {
        let request = self
            .bucket
            .client
            .list_objects_v2()
            .bucket(&self.bucket.name)
            .prefix(&range.prefix)
            .set_start_after(range.after.clone())
            .set_continuation_token(token.clone())
            // The only encoding that can carry every key in XML.
            .encoding_type(EncodingType::Url);
        let call = self.bucket.tally.begin(Kind::List, &self.bucket.name);
        let page = request.send().await.map_err(|error| Failed::of(&error));
        let page = page.inspect_err(|failed| call.failed(failed.failure.code.as_deref()));
        drop(call);
        let page = page.map_err(|failed| failed.named(UNLISTED))?;
        let next = page
            .next_continuation_token()
            .filter(|next| !next.is_empty());
        let next = match (page.is_truncated(), next) {
            (Some(false), None) => None,
            (Some(true), Some(next)) if Some(next) != token.as_deref() => Some(next.to_owned()),
            (is_truncated, next) => {
                return Err(unlisted(&format!(
                    "a page does not say whether it is the last (IsTruncated: {is_truncated:?}, NextContinuationToken: {next:?})"
                )));
            }
        };
        let Some(mut listed) = listed_in(&page) else {
            return Err(unlisted("a page has an object without a key"));
        };
        self.bucket.tally.add(|counts| counts.keys += listed.len());
        let Some(through) = &range.through else {
            return Ok(Page { listed, next });
        };
        let reaches_end = listed.last().is_some_and(|last| last.key >= *through);
        listed.retain(|listed| listed.key <= *through);
        let next = next.filter(|_| !reaches_end);
        Ok(Page { listed, next })
    }
}

const UNLISTED: &str = "the bucket cannot be listed";

fn unlisted(what: &str) -> ReadError {
    ReadError::Unavailable(format!("{UNLISTED}: {what}").into())
}

/// A listing in parts, side by side.
struct Listing<'l, Guess> {
    reader: &'l Reader,
    guess: &'l Guess,
    requests: Semaphore,
    /// How many objects all parts have so far.
    listed: AtomicUsize,
    most: usize,
}

/// Why a listing did not come to its end.
enum Stopped {
    TooMany,
    Failed(ReadError),
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

impl<Guess: Fn(&[Listed]) -> Vec<String> + Sync> Listing<'_, Guess> {
    async fn parts(&self, parts: Vec<Range>, uncut: usize) -> Result<Vec<Listed>, Stopped> {
        let parts = parts.into_iter().map(|part| self.part(part, uncut));
        let parts = try_join_all(parts).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// The objects of a part: of its first pages, and of the parts of the rest.
    fn part(&self, mut part: Range, uncut: usize) -> BoxFuture<'_, Result<Vec<Listed>, Stopped>> {
        Box::pin(async move {
            let mut listed = Vec::new();
            for _ in 0..uncut {
                let page = {
                    // The semaphore is never closed.
                    let _one = self.requests.acquire().await.ok();
                    self.reader.page_of(&part).await?
                };
                let count = page.listed.len();
                if self.listed.fetch_add(count, Ordering::Relaxed) + count > self.most {
                    return Err(Stopped::TooMany);
                }
                let rest = page.rest_of(&part);
                listed.extend(page.listed);
                match rest {
                    Some(rest) => part = rest,
                    None => return Ok(listed),
                }
            }
            let cuts = (self.guess)(&listed);
            listed.extend(self.parts(part.parts(&cuts), 1).await?);
            Ok(listed)
        })
    }
}

/// The page of a listing that comes next.
enum NextPage {
    First,
    /// It is being fetched.
    Begun(AbortOnDropHandle<Result<Page, ReadError>>),
    None,
}

/// The last key so far, if the keys of a page go on from the one before it in ascending order. Whoever
/// stops at a key, or cuts a range there, relies on it.
fn in_order(
    range: &Range,
    mut last: Option<String>,
    page: &Page,
) -> Result<Option<String>, ReadError> {
    let first = last.as_ref().or(range.after.as_ref());
    let mut before = first.map(String::as_str);
    for Listed { key, .. } in &page.listed {
        if !key.starts_with(&range.prefix) || before.is_some_and(|before| **key <= *before) {
            return Err(unlisted(&format!(
                "the key {key:?} is not after {before:?} under {:?}",
                range.prefix
            )));
        }
        before = Some(key);
    }
    if let Some(newest) = page.listed.last() {
        last = Some(newest.key.clone());
    }
    Ok(last)
}

/// The objects of a page, with keys that are decoded if S3 encoded them. `None` if one has no key.
fn listed_in(page: &ListObjectsV2Output) -> Option<Vec<Listed>> {
    let is_encoded = page.encoding_type().is_some();
    let listed = page.contents().iter().map(|object| {
        let key = object.key()?;
        Some(Listed {
            key: match is_encoded {
                true => decoded(key),
                false => key.to_owned(),
            },
            bytes: u64::try_from(object.size().unwrap_or_default()).unwrap_or(u64::MAX),
            etag: object.e_tag().map(str::to_owned),
        })
    });
    listed.collect()
}

/// A key as `encoding-type=url` spells it: percent-encoded, and a space as a plus sign.
pub(crate) fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types;
    use memory_log::scope::operator;

    use super::*;

    fn page(encoding: Option<EncodingType>, keys: &[&str]) -> ListObjectsV2Output {
        let listed = keys
            .iter()
            .map(|key| types::Object::builder().key(*key).build());
        ListObjectsV2Output::builder()
            .set_encoding_type(encoding)
            .set_contents(Some(listed.collect()))
            .build()
    }

    #[test]
    fn a_key_is_decoded_only_where_s3_encoded_it() {
        let spelled = ["a%252F+b", "c%2Bd", "e%C3%BC"];
        let keys_of = |page: &_| -> Vec<_> {
            listed_in(page)
                .unwrap()
                .into_iter()
                .map(|object| object.key)
                .collect()
        };
        assert_eq!(
            keys_of(&page(Some(EncodingType::Url), &spelled)),
            ["a%2F b", "c+d", "eü"]
        );
        assert_eq!(keys_of(&page(None, &spelled)), spelled);
    }

    #[test]
    fn a_size_that_makes_no_sense_is_larger_than_every_memory() {
        let bytes_of = |size| {
            let object = types::Object::builder().key("k").set_size(size).build();
            let page = ListObjectsV2Output::builder().contents(object).build();
            listed_in(&page).unwrap()[0].bytes
        };
        assert_eq!(bytes_of(Some(7)), 7);
        assert_eq!(bytes_of(None), 0);
        assert_eq!(bytes_of(Some(-1)), u64::MAX);
    }

    fn range(prefix: &str, after: Option<&str>, through: Option<&str>) -> Range {
        Range {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            through: through.map(str::to_owned),
        }
    }

    #[test]
    fn a_span_of_time_has_its_first_instant_and_not_its_last() {
        let scope = operator().entity("work", "rob");
        let at = |text: &str| Some(Timestamp::parse(text).unwrap());
        let (first, last) = (at("2026-01-27T03:14:22Z"), at("2026-01-27T03:14:23Z"));
        let span = Range::memories(&scope, first, last);
        let key = |instant: &str| {
            let id = "3801baa2-1063-86b6-b294-c22f1c2f081e";
            format!(
                "{}2026/01/27/2026-01-27T{instant}Z_{id}.json",
                scope.memories()
            )
        };
        let has =
            |key: String| Some(&key) > span.after.as_ref() && Some(&key) <= span.through.as_ref();
        assert!(has(key("03-14-22.000000000")) && has(key("03-14-22.999999999")));
        assert!(!has(key("03-14-21.999999999")) && !has(key("03-14-23.000000000")));
        let wide = Range::memories(&operator().domain("work"), first, last);
        assert_eq!(wide, Range::under("memories/domain=work/"));
        assert_eq!(
            Range::memories(&scope, None, None),
            Range::under(scope.memories())
        );
    }

    #[test]
    fn the_parts_of_a_range_meet_at_its_cuts_and_are_all_of_it() {
        let parts = |whole: Range, cuts: &[&str]| {
            let cuts: Vec<_> = cuts.iter().map(|cut| (*cut).to_owned()).collect();
            let parts = whole.parts(&cuts).into_iter();
            let bounds = parts.map(|part| (part.after, part.through));
            bounds
                .map(|(after, through)| {
                    format!(
                        "{}-{}",
                        after.unwrap_or_default(),
                        through.unwrap_or_default()
                    )
                })
                .collect::<Vec<_>>()
        };
        let whole = || range("k", None, None);
        assert_eq!(parts(whole(), &[]), ["-"]);
        assert_eq!(parts(whole(), &["k3", "k5"]), ["-k3", "k3-k5", "k5-"]);
        let bounded = || range("k", Some("k2"), Some("k7"));
        assert_eq!(parts(bounded(), &["k4"]), ["k2-k4", "k4-k7"]);
        // Cuts outside of it, at its ends, under another prefix, twice, and not ascending.
        for cuts in [&["k1", "k2", "j", "l", "k7", "k8"][..], &["k0"]] {
            assert_eq!(parts(bounded(), cuts), ["k2-k7"]);
        }
        assert_eq!(parts(bounded(), &["k5", "k5", "k4"]), ["k2-k5", "k5-k7"]);
    }

    #[test]
    fn keys_that_do_not_ascend_or_lie_elsewhere_are_an_error() {
        let of = |keys: &[&str]| Page {
            listed: keys
                .iter()
                .map(|key| Listed {
                    key: (*key).to_owned(),
                    bytes: 1,
                    etag: None,
                })
                .collect(),
            next: None,
        };
        let judge = |last: Option<&str>, keys: &[&str]| {
            let last = last.map(str::to_owned);
            in_order(&range("k/", Some("k/2"), None), last, &of(keys))
        };
        assert_eq!(judge(None, &[]), Ok(None));
        assert_eq!(judge(None, &["k/3", "k/4"]), Ok(Some("k/4".to_owned())));
        assert_eq!(judge(Some("k/5"), &[]), Ok(Some("k/5".to_owned())));
        for (last, keys) in [
            (None, &["k/2"][..]),
            (None, &["k/3", "k/3"]),
            (None, &["k/4", "k/3"]),
            (Some("k/5"), &["k/5"]),
            (Some("k/5"), &["k/4"]),
            (None, &["l/1"]),
        ] {
            assert!(judge(last, keys).is_err(), "{keys:?} after {last:?}");
        }
    }
}
