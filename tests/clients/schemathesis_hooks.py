"""Filters out generated memories that satisfy the JSON Schema but break a rule which a schema cannot express."""

import re
from datetime import datetime, timezone

import schemathesis

INSTANT = re.compile(r"(\d{4})-\d\d-\d\dT\d\d:\d\d:(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def fits(text):
    """Returns whether a text has at most 150 bytes of UTF-8. A schema counts characters.

    A lone surrogate cannot be encoded.
    """
    try:
        return len(text.encode()) <= 150
    except UnicodeEncodeError:
        return False


def is_kept(text):
    """Returns whether an instant is from 1970 to 9999 in UTC, with at most nanoseconds and without a leap second.

    The format of a schema has no bounds.
    """
    match = INSTANT.fullmatch(text)
    if not match or len(match[3] or "") > 10:
        return False
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc).year >= 1970
    except (ValueError, OverflowError):
        return False


def depth(value):
    """Returns the levels of objects and arrays. A schema cannot count them."""
    if isinstance(value, (dict, list)):
        members = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, members), default=0)
    return 0


@schemathesis.hook
def filter_case(context, case):
    memory = case.body
    for member in ("data", "attributes"):
        memory = memory.get(member, memory) if isinstance(memory, dict) else {}
    if not case.meta.generation.mode.is_positive or not isinstance(memory, dict):
        return True
    texts = {name: value for name, value in memory.items() if isinstance(value, str)}
    return (
        all(fits(texts.get(name, "")) for name in ("entity_id", "domain", "memory_type"))
        and is_kept(texts.get("timestamp", "2026-01-01T00:00:00Z"))
        and depth(memory.get("metadata")) <= 64
    )
