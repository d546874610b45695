//! Tests of a request's body, which is held in memory, and of objects that are read from their files.

use std::collections::BTreeSet;
use std::fs;

use memory_log::scope::operator;

use super::*;
use crate::reader::{Got, ReadError, Reader};
use crate::tally::Tally;

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_byte_more_is_refused() {
    let read = async |length: usize| {
        let body = s3s::Body::from(vec![b'x'; length]);
        let read = whole(Some(StreamingBlob::from(body)), 9).await;
        read.map(|bytes| bytes.len())
            .map_err(|error| error.code().as_str().to_owned())
    };
    assert_eq!(read(9).await, Ok(9));
    assert_eq!(read(10).await, Err("EntityTooLarge".to_owned()));
}

#[tokio::test]
async fn a_file_is_read_as_the_protocol_gives_its_object() {
    const DAY: &str = "memories/domain=d/entity=e/2026/01/27";
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::create(folder.path()).unwrap());
    let day = folder.path().join(BUCKET).join(DAY);
    fs::create_dir_all(day.join("folder.json")).unwrap();
    fs::write(day.join("there.json"), "bytes").unwrap();
    let large = fs::File::create(day.join("large.json")).unwrap();
    large.set_len(bucket::LOG_BYTES_MAX as u64 + 1).unwrap();
    let by_protocol = Reader::new(client(Arc::clone(&disk)), BUCKET);
    let from_files = by_protocol.counted(&Tally::default()).of_files(disk);
    let scope = operator().everything();
    let mut outcomes = BTreeSet::new();
    for name in [
        "there.json",
        "missing.json",
        "there.json/below.json",
        "folder.json",
        "large.json",
        "../27/there.json",
        "a\0b.json",
    ] {
        let key = format!("{DAY}/{name}");
        let read = async |reader: &Reader| {
            // A file has no id of a request.
            reader.get(&scope, &key).await.map_err(|error| match error {
                ReadError::Unavailable(why) => ("unavailable", why.what, why.code),
                ReadError::Refused(why) => ("refused", why.what, why.code),
            })
        };
        let got = read(&from_files).await;
        assert_eq!(got, read(&by_protocol).await, "{key:?}");
        outcomes.insert(got.map_or_else(
            |(kind, ..)| kind,
            |got| match got {
                Got::Whole(_) => "whole",
                Got::Gone => "gone",
            },
        ));
    }
    let all = ["gone", "refused", "unavailable", "whole"];
    assert_eq!(outcomes, BTreeSet::from(all));
    let gets = [&from_files, &by_protocol].map(|reader| reader.tally().counts().gets);
    assert_eq!(gets, [7, 7]);
}
