"""Does a backend's work with a client that was generated from the view jsonapi.json.

usage: generated_client.py openapi-generator|openapi-python-client FOLDER URL FAILING_URL

FOLDER contains the package openapi_client or memory_client. Prints its results, as jsonapi_client.mjs does.
"""

import importlib
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

GENERATOR, FOLDER, URL, FAILING_URL = sys.argv[1:]
sys.path.insert(0, FOLDER)

MEMORY = {
    "content": "Rob prefers mornings. „☃“",
    "repository_id": UUID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
    "memory_type": "habit",
    "tags": ["a", "b"],
    "timestamp": datetime(2026, 1, 27, 3, 14, 22, tzinfo=timezone.utc),
}
LATER = {**MEMORY, "content": "Rob drinks tea.", "timestamp": datetime(2026, 1, 28, 3, 14, 22, tzinfo=timezone.utc)}
FAULTY = {**MEMORY, "memory_type": "é" * 76, "timestamp": datetime(1969, 12, 31, tzinfo=timezone.utc)}


def cursor(links):
    # openapi-python-client appends an underscore to the names of Python's functions.
    following = getattr(links, "next_", None) or links.next
    return parse_qs(urlsplit(following).query)["page[after]"][0]


def words(errors):
    return " ".join(error.code + " " + error.detail for error in errors)


def openapi_generator():
    client = importlib.import_module("openapi_client")

    def send(url, attributes):
        with client.ApiClient(client.Configuration(host=url)) as api:
            create = client.MemoryCreate(type="memories", attributes=client.MemoryAttributes(**attributes))
            return client.MemoriesApi(api).store_memory(client.MemoryCreateDocument(data=create)).data

    def failure(url, attributes):
        try:
            send(url, attributes)
        except client.ApiException as error:
            return words(error.data.errors)
        raise SystemExit("nothing was refused")

    def read(id):
        with client.ApiClient(client.Configuration(host=URL)) as connection:
            api = client.MemoriesApi(connection)
            scope = {"filter_repository_id": MEMORY["repository_id"]}
            found = api.search_memories("mornings", **scope)
            newest = api.list_memories(page_limit=1, **scope)
            oldest = api.list_memories(page_limit=1, page_after=cursor(newest.links), **scope)
            return found, newest, oldest, api.get_memory(UUID(id), **scope)

    def change(call, id, **arguments):
        with client.ApiClient(client.Configuration(host=URL)) as connection:
            scope = {"filter_repository_id": MEMORY["repository_id"]}
            method = getattr(client.MemoriesApi(connection), call + "_with_http_info")
            try:
                answer = method(UUID(id), **arguments, **scope)
            except client.ApiException as error:
                return str(error.status), error.headers.get("etag")
            return answer.data.meta.status, answer.headers["etag"]

    def patch(id, status, tag=None):
        attributes = client.MemoryChangeAttributes(status=status)
        resource = client.MemoryChange(type="memories", id=UUID(id), attributes=attributes)
        document = client.MemoryChangeDocument(data=resource, meta=client.ChangeMeta(reason="Checked."))
        return change("change_memory", id, memory_change_document=document, if_match=tag)

    return send, failure, read, (patch, lambda id: change("delete_memory", id), lambda id: change("get_memory", id))


def openapi_python_client():
    client = importlib.import_module("memory_client")
    models = importlib.import_module("memory_client.models")
    store = importlib.import_module("memory_client.api.memories.store_memory")

    def ask(url, attributes):
        create = models.MemoryCreate(
            type_=models.MemoryCreateResourceType.MEMORIES, attributes=models.MemoryAttributes(**attributes)
        )
        return store.sync(client=client.Client(base_url=url), body=models.MemoryCreateDocument(data=create))

    def read(id):
        connection = client.Client(base_url=URL)
        scope = {"filterrepository_id": MEMORY["repository_id"]}
        api = [
            importlib.import_module("memory_client.api.memories." + name).sync
            for name in ("search_memories", "list_memories", "get_memory")
        ]
        found = api[0](client=connection, filterquery="mornings", **scope)
        newest = api[1](client=connection, pagelimit=1, **scope)
        oldest = api[1](client=connection, pagelimit=1, pageafter=cursor(newest.links), **scope)
        return found, newest, oldest, api[2](UUID(id), client=connection, **scope)

    def change(call, id, **arguments):
        scope = {"filterrepository_id": MEMORY["repository_id"]}
        method = importlib.import_module("memory_client.api.memories." + call).sync_detailed
        answer = method(UUID(id), client=client.Client(base_url=URL), **arguments, **scope)
        word = answer.parsed.meta.status if answer.status_code == 200 else str(int(answer.status_code))
        return word, answer.headers.get("etag")

    def patch(id, status, tag=None):
        attributes = models.MemoryChangeAttributes(status=models.MemoryChangeAttributesMemoryStatus(status))
        kind = models.MemoryChangeResourceType.MEMORIES
        resource = models.MemoryChange(type_=kind, id=UUID(id), attributes=attributes)
        document = models.MemoryChangeDocument(data=resource, meta=models.ChangeMeta(reason="Checked."))
        return change("change_memory", id, body=document, **({"if_match": tag} if tag else {}))

    return (
        lambda url, attributes: ask(url, attributes).data,
        lambda url, attributes: words(ask(url, attributes).errors),
        read,
        (patch, lambda id: change("delete_memory", id), lambda id: change("get_memory", id)),
    )


def life(patch, delete, get, id):
    """Takes a memory through its life. Each step returns a status, and the tag of the state that it saw."""
    verified, locked = patch(id, "verified"), patch(id, "locked")
    refused = [delete(id), patch(id, "verified"), patch(id, "verified", '"0-1j"')]
    unlocked = patch(id, "verified", locked[1])
    deleted, gone = delete(id), get(id)
    restored = patch(id, "unverified", gone[1])
    return [word for word, _ in [verified, locked, *refused, unlocked, deleted, gone, restored]]


send, failure, read, changes = {"openapi-generator": openapi_generator, "openapi-python-client": openapi_python_client}[GENERATOR]()
first = send(URL, MEMORY)
send(URL, LATER)
found, newest, oldest, got = read(str(first.id))
seen = {
    "id": str(first.id),
    "s3_key": first.meta.s3_key,
    "repeated": str(send(URL, MEMORY).id),
    "refused": failure(URL, FAULTY),
    "failed": failure(FAILING_URL, MEMORY),
    "found": [str(hit.id) for hit in found.data],
    "listed": [memory.attributes.content for memory in [*newest.data, *oldest.data]],
    "got": got.data.attributes.content,
    "changed": life(*changes, str(first.id)),
}
print(json.dumps(seen))
