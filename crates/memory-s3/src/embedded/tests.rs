//! Tests of a request's body, which is held in memory.

use super::*;

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_byte_more_is_refused() {
    let read = async |length: usize| {
        let body = s3s::Body::from(vec![b'x'; length]);
        let read = whole(Some(StreamingBlob::from(body))).await;
        read.map(|bytes| bytes.len())
            .map_err(|error| error.code().as_str().to_owned())
    };
    assert_eq!(read(OBJECT_BYTES_MAX).await, Ok(OBJECT_BYTES_MAX));
    let too_large = Err("EntityTooLarge".to_owned());
    assert_eq!(read(OBJECT_BYTES_MAX + 1).await, too_large);
}
