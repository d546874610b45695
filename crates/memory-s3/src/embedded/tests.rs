//! Tests of a request's body, which is held in memory.

use super::*;

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
