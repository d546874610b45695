"""Runs moto's server with two gaps closed. moto keeps the retention of a version, and does not tell it. And it refuses a
put with a digest, where an object is retained, unless a second header names the algorithm of the digest again."""

from moto.s3.responses import S3Response
from moto.server import main
from werkzeug.datastructures import Headers

got = S3Response._key_response_get
put_object = S3Response._key_response_put

NONE = "<Error><Code>NoSuchObjectLockConfiguration</Code><Message>The version has none.</Message></Error>"


def get(self, query, key_name):
    if "retention" not in query:
        return got(self, query, key_name)
    version, _ = self._get_key()
    if not version.lock_mode:
        return 404, {"content-type": "application/xml"}, NONE
    retention = f"<Retention><Mode>{version.lock_mode}</Mode><RetainUntilDate>{version.lock_until}</RetainUntilDate></Retention>"
    return 200, {"content-type": "application/xml"}, retention


def put(self, query, key_name):
    if "x-amz-checksum-sha256" in self.headers:
        self.headers = Headers([*self.headers.items(), ("x-amz-sdk-checksum-algorithm", "SHA256")])
    return put_object(self, query, key_name)


S3Response._key_response_get = get
S3Response._key_response_put = put
main()
