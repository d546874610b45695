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

    return send, failure, read


def openapi_python_client():
    client = importlib.import_module("memory_client")
    models = importlib.import_module("memory_client.models")
    store = importlib.import_module("memory_client.api.memories.store_memory")

    def ask(url, attributes):
        create = models.MemoryCreate(
            type_=models.MemoryCreateType.MEMORIES, attributes=models.MemoryAttributes(**attributes)
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

    return (
        lambda url, attributes: ask(url, attributes).data,
        lambda url, attributes: words(ask(url, attributes).errors),
        read,
    )


send, failure, read = {"openapi-generator": openapi_generator, "openapi-python-client": openapi_python_client}[GENERATOR]()
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
}
print(json.dumps(seen))
