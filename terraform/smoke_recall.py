"""The requests by which smoke.py proves that no route is lost where recall is on: every POST of a memory, every route of
recall, and with changes every route that forgets the memory.

Recall is asked for JSON:API documents, because their errors name a code.
"""

import json
from typing import Callable, NamedTuple
from urllib.parse import quote

MEMORY_PATHS = ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"]
MCP_PATHS = ["/mcp", "/api/v1/mcp"]
JSON_API = "application/vnd.api+json"


class Request(NamedTuple):
    """A request, and what its response must say."""

    method: str
    path: str
    body: bytes
    headers: dict
    query: str
    status: int
    is_right: Callable[[dict, object], bool]
    expects: str
    is_open: bool = False  # sent without credentials


def document_of(body):
    """Returns the JSON of a body, or None."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def at(document, *path):
    """Returns what is at a path in a document, or None."""
    for step in path:
        try:
            document = document[step]
        except (IndexError, KeyError, TypeError):
            return None
    return document


def query_of(**parameters):
    """Returns a query in the form that AWS Signature Version 4 signs: encoded, and in order."""
    named = {name.replace("__", "[") + ("]" if "__" in name else ""): value for name, value in parameters.items()}
    return "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in named.items()))


def tool(path, name, arguments, is_right, expects):
    """Returns a call of a tool over MCP, in the era that needs no handshake and no mirrored headers."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    return Request("POST", path, json.dumps(call).encode(), headers, "", 200,
                   lambda fields, said: is_right(fields, at(said, "result", "structuredContent")), expects)


def writes(memory, receipt):
    """Yields each other POST of the memory, which must find it stored."""
    def is_repeat(fields, said):
        return fields["idempotent-replayed"] == "true" and all(at(said, name) == value for name, value in receipt.items())

    headers = {"accept": "application/json", "content-type": "application/json"}
    expects = f"the receipt {receipt}, and Idempotent-Replayed: true"
    for path in MEMORY_PATHS[1:]:
        yield Request("POST", path, memory, headers, "", 201, is_repeat, expects)
    for path in MCP_PATHS:
        yield tool(path, "append_memory", json.loads(memory), is_repeat, expects)


def reads(memory, receipt):
    """Yields a request for each route of recall that reads. Each must find the memory at once."""
    memory, memory_id = json.loads(memory), receipt["memory_id"]
    domain, entity, timestamp = (memory[name] for name in ("domain", "entity_id", "timestamp"))
    scope = {"filter__domain": domain, "filter__entity_id": entity}

    def is_found(_, said):
        return memory_id in [at(found, "id") for found in at(said, "data") or []]

    def is_it(fields, said):
        return (at(said, "data", "id"), at(said, "data", "attributes", "content")) == (memory_id, memory["content"]) and bool(fields["etag"])

    asked = {
        "": (query_of(**scope, filter__since=timestamp), is_found),
        "/search": (query_of(**scope, filter__since=timestamp, filter__query=memory["content"]), is_found),
        f"/{memory_id}": (query_of(**scope, filter__created_at=timestamp), is_it),
    }
    for path in MEMORY_PATHS:
        for rest, (query, is_right) in asked.items():
            yield Request("GET", path + rest, b"", {"accept": JSON_API}, query, 200, is_right, f"the memory {memory_id}")
            yield Request("HEAD", path + rest, b"", {"accept": JSON_API}, query, 200, lambda *_: True, "the same without a body")
    for path in MCP_PATHS:
        yield Request("GET", f"{path}/recall/health", b"", {"accept": "application/json"}, "", 200, lambda *_: True, "that recall is up")
        yield tool(f"{path}/recall", "get_memory", {"memory_id": memory_id, "domain": domain, "entity_id": entity},
                   lambda _, said: at(said, "memory", "memory_id") == memory_id, f"the memory {memory_id}")


def changes(memory, receipt):
    """Yields a request for each route that changes a status. All forget the memory, so the first does, and the others repeat
    it. To forget needs no steward."""
    memory, memory_id = json.loads(memory), receipt["memory_id"]
    domain, entity, timestamp = (memory[name] for name in ("domain", "entity_id", "timestamp"))
    query = query_of(filter__domain=domain, filter__entity_id=entity, filter__created_at=timestamp)
    headers, reason = {"accept": JSON_API, "content-type": JSON_API}, "terraform/smoke.py is done with it"
    expects = f"that the memory {memory_id} is deleted, by its first event"

    def is_forgotten(_, said):
        return (at(said, "meta", "memory_id"), at(said, "meta", "status"), at(said, "meta", "seq")) == (memory_id, "deleted", 1)

    def is_forgotten_flat(_, said):
        return (at(said, "memory_id"), at(said, "memory_status"), at(said, "seq")) == (memory_id, "deleted", 1)

    patch = {"data": {"type": "memories", "id": memory_id, "attributes": {"status": "deleted"}}, "meta": {"reason": reason}}
    for path in MEMORY_PATHS:
        yield Request("DELETE", f"{path}/{memory_id}", json.dumps({"meta": {"reason": reason}}).encode(), headers, query, 200, is_forgotten, expects)
        yield Request("PATCH", f"{path}/{memory_id}", json.dumps(patch).encode(), headers, query, 200, is_forgotten, expects)
    for path in MCP_PATHS:
        yield tool(f"{path}/recall/changes", "forget_memory", {"memory_id": memory_id, "reason": reason, "domain": domain, "entity_id": entity},
                   is_forgotten_flat, expects)
    yield Request("GET", f"{MEMORY_PATHS[0]}/{memory_id}", b"", {"accept": JSON_API}, query, 410,
                  lambda _, said: at(said, "errors", 0, "code") == "deleted", "410 deleted")


def requests(grant, memory, receipt):
    """Yields all that a deployment with recall must answer, in an order that works. The grant is read or change."""
    yield from writes(memory, receipt)
    yield from reads(memory, receipt)
    if grant == "change":
        yield from changes(memory, receipt)
