"""Makes generated requests keep the rules that a JSON Schema cannot express, and lets some of them meet a memory.

MEMORY_IDS has the ids of the memories of the repository MEMORY_SCOPE, separated by commas, if there are any. Only
requests that are meant to be valid are touched.
"""

import os
import re
from datetime import datetime, timezone
from zlib import crc32

import schemathesis

INSTANT = re.compile(r"(\d{4})-\d\d-\d\dT\d\d:\d\d:(\d\d)(\.\d+)?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)
IDS = [id for id in os.environ.get("MEMORY_IDS", "").split(",") if id]
SCOPE = os.environ.get("MEMORY_SCOPE")
REPOSITORY, DOMAIN, ENTITY = "filter[repository_id]", "filter[domain]", "filter[entity_id]"
SINCE, UNTIL = "filter[since]", "filter[until]"
# The ids of the memories that were deleted, and not restored.
DELETED = set()


def fits(text, most=150):
    """Returns whether a text has at most so many bytes of UTF-8. A schema counts characters.

    A lone surrogate cannot be encoded.
    """
    try:
        return len(text.encode()) <= most
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


def number(text):
    """Returns a number that a text always has."""
    return crc32(text.encode(errors="replace"))


def an_instant(text):
    """Returns an instant that is kept: this one, or one made of it. A pattern does not know the calendar."""
    if is_kept(text):
        return text
    return datetime.fromtimestamp(number(text), timezone.utc).isoformat().replace("+00:00", "Z")


def in_one_scope(query):
    """Names exactly one scope. A schema cannot say that two names go together, and exclude a third."""
    if REPOSITORY in query or not {DOMAIN, ENTITY} <= query.keys():
        query.pop(DOMAIN, None)
        query.pop(ENTITY, None)
        query[REPOSITORY] = SCOPE


def sound_query(query):
    """Gives the parameters values that mean something together."""
    in_one_scope(query)
    for name in (SINCE, UNTIL, "filter[created_at]"):
        if name in query:
            query[name] = an_instant(query[name])
    if SINCE in query and UNTIL in query:
        del query[UNTIL]
    for name in ("filter[tags]", "filter[memory_type]"):
        # No element is empty.
        if name in query:
            query[name] = ",".join(filter(None, query[name].split(","))) or "tax"
    # Only the service makes cursors.
    query.pop("page[after]", None)


@schemathesis.hook
def map_case(context, case):
    if not IDS or not case.meta.generation.mode.is_positive or not case.operation.path.startswith("/memor"):
        return case
    if case.operation.method != "post":
        case.query = dict(case.query or {})
        sound_query(case.query)
    if "id" in (case.path_parameters or {}):
        # Every third id is of no memory.
        drawn = number(case.path_parameters["id"])
        if drawn % 3:
            case.path_parameters["id"] = IDS[drawn % len(IDS)]
        if "If-Match" in (case.headers or {}):
            # A tag that the service may have given. A schema knows none.
            case.headers["If-Match"] = f'"{drawn % 4}-1j"'
        if isinstance(case.body, dict):
            if "data" in case.body:
                case.body["data"]["id"] = case.path_parameters["id"]
                # Another attribute has the stored value, which a schema does not know.
                attributes = case.body["data"]["attributes"]
                case.body["data"]["attributes"] = {"status": attributes["status"]}
            if isinstance(case.body.get("meta"), dict):
                case.body["meta"].pop("repository_id", None)
    return case


@schemathesis.hook
def filter_case(context, case):
    if not case.meta.generation.mode.is_positive:
        return True
    query = case.query or {}
    words = query.get("filter[query]", "a")
    if not fits(words, 1000) or not words.strip() or len(words.split()) > 64:
        return False
    if not all(fits(query.get(name, "")) for name in (DOMAIN, ENTITY)):
        return False
    memory = case.body
    if isinstance(memory, dict) and isinstance(memory.get("meta"), dict) and not fits(memory["meta"].get("reason") or "", 1000):
        return False
    for member in ("data", "attributes"):
        memory = memory.get(member, memory) if isinstance(memory, dict) else {}
    if not isinstance(memory, dict):
        return True
    texts = {name: value for name, value in memory.items() if isinstance(value, str)}
    return (
        all(fits(texts.get(name, "")) for name in ("entity_id", "domain", "memory_type"))
        and is_kept(texts.get("timestamp", "2026-01-01T00:00:00Z"))
        and depth(memory.get("metadata")) <= 64
    )


@schemathesis.check
def deleted_memory_is_hidden(context, response, case):
    """Fails if an answer shows a memory that is deleted. The check use_after_free does not know that a PATCH restores."""
    if not case.operation.path.startswith("/memor") or response.status_code >= 400:
        return
    method = case.operation.method.lower()
    if method in ("delete", "patch"):
        answer = response.json()
        receipt = answer.get("meta", answer)
        is_deleted = receipt.get("memory_status", receipt["status"]) == "deleted"
        (DELETED.add if is_deleted else DELETED.discard)(receipt["memory_id"])
    elif method == "get":
        named = f"{case.path_parameters} {response.content.decode()}"
        shown = [id for id in DELETED if id in named]
        assert not shown, f"{shown} deleted, but shown"
