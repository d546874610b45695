"""The same function in Python with boto3: it validates as ours does, and proves the write in the same way.

`benches/write.py` compares it with ours. Its loop over the runtime API is smaller than that of Lambda's own runtime for
Python, and it imports nothing that it does not use, so the comparison is in favor of Python.
"""

import base64
import datetime
import hashlib
import http.client
import json
import os
import re
import unicodedata
import urllib.parse
import uuid

import boto3
from botocore.config import Config

BUCKET = os.environ["MEMORY_BUCKET"]
FIELDS = {"entity_id", "domain", "content", "timestamp", "metadata"}
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
S3 = boto3.client(
    "s3",
    endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"),
    config=Config(
        retries={"max_attempts": 0}, connect_timeout=2, s3={"addressing_style": "path"},
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
    ),
)


class Refused(Exception):
    """The faults of a request."""


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused(["a member appears twice"])
    return members


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def name(memory, field, faults):
    value = memory.get(field)
    if not isinstance(value, str) or not value.strip():
        faults.append(f"{field} is required")
    elif len(value.encode()) > 150 or any(unicodedata.category(character) == "Cc" for character in value):
        faults.append(f"{field} is not a name")
    return value


def instant(text, faults):
    if text is None:
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    found = isinstance(text, str) and RFC_3339.fullmatch(text)
    if not found:
        faults.append("timestamp is not RFC 3339 with an offset")
        return None
    day, time, fraction, offset = found.groups()
    try:
        utc = datetime.datetime.fromisoformat(f"{day}T{time}{offset.replace('Z', '+00:00')}").astimezone(datetime.timezone.utc)
    except (ValueError, OverflowError):
        faults.append("timestamp does not exist")
        return None
    digits = (fraction or "").lstrip(".").rstrip("0")
    digits = digits.ljust(-(-len(digits) // 3) * 3, "0")
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}" if digits else "") + "Z"


def normal(body):
    """Returns the five fields in normal form, or raises every fault."""
    memory = json.loads(body.decode("utf-8", "strict"), object_pairs_hook=unique)
    if not isinstance(memory, dict):
        raise Refused(["the memory must be an object"])
    faults = [f"{member} is not a field" for member in memory if member not in FIELDS]
    domain, entity = name(memory, "domain", faults), name(memory, "entity_id", faults)
    content = memory.get("content")
    if not isinstance(content, str) or not content.strip():
        faults.append("content is required")
    timestamp = instant(memory.get("timestamp"), faults)
    metadata = memory.get("metadata") or {}
    if not isinstance(metadata, dict) or depth(metadata) > 64:
        faults.append("metadata must be an object with at most 64 levels")
    else:
        tags, source, confidence = metadata.get("tags"), metadata.get("source"), metadata.get("confidence")
        if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
            faults.append("tags must be an array of strings")
        if source is not None and not isinstance(source, str):
            faults.append("source must be a string")
        if confidence is not None and not (isinstance(confidence, (int, float)) and 0 <= confidence <= 1):
            faults.append("confidence must be from 0 to 1")
    if faults:
        raise Refused(faults)
    return domain, entity, timestamp, content, json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))


def stored(domain, entity, timestamp, content, metadata):
    """Returns the id, the key, the bytes and the digest of a memory's object."""
    hashed = hashlib.sha256()
    for part in ("1", domain, entity, timestamp, content, metadata):
        part = part.encode()
        hashed.update(len(part).to_bytes(8, "big") + part)
    bits = bytearray(hashed.digest()[:16])
    bits[6], bits[8] = bits[6] & 0x0F | 0x80, bits[8] & 0x3F | 0x80
    memory_id = str(uuid.UUID(bytes=bytes(bits)))
    spell = lambda text: json.dumps(text, ensure_ascii=False)
    body = (
        f'{{"schema_version":1,"memory_id":"{memory_id}","entity_id":{spell(entity)},"domain":{spell(domain)},'
        f'"timestamp":"{timestamp}","content":{spell(content)},"metadata":{metadata}}}'
    ).encode()
    seconds, _, fraction = timestamp.rstrip("Z").partition(".")
    quote = lambda text: urllib.parse.quote(text, safe="-._~")
    key = (
        f"memories/domain={quote(domain)}/entity={quote(entity)}/{seconds[:10].replace('-', '/')}/"
        f"{seconds.replace(':', '-')}.{fraction.ljust(9, '0')}Z_{memory_id}.json"
    )
    return memory_id, key, body, base64.b64encode(hashlib.sha256(body).digest()).decode()


def response(status, document):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(document), "isBase64Encoded": False}


def handler(event):
    body = event["body"] or ""
    body = base64.b64decode(body, validate=True) if event["isBase64Encoded"] else body.encode()
    try:
        memory_id, key, body, digest = stored(*normal(body))
    except (Refused, ValueError) as error:
        return response(422, {"status": "error", "error": str(error)})
    put = S3.put_object(Bucket=BUCKET, Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=digest, ContentType="application/json")
    if put["ResponseMetadata"]["HTTPStatusCode"] != 200 or not put["ETag"] or put["ChecksumSHA256"] != digest:
        return response(504, {"status": "error", "error": "the outcome is unknown"})
    return response(201, {"status": "ok", "memory_id": memory_id, "s3_key": key})


def main():
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        invocation = api.getresponse()
        request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        result = json.dumps(handler(json.loads(invocation.read()))).encode()
        api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", result)
        api.getresponse().read()


if __name__ == "__main__":
    main()
