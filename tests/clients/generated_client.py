"""Does a backend's work with a client that was generated from the view jsonapi.json.

usage: generated_client.py openapi-generator|openapi-python-client FOLDER URL FAILING_URL

FOLDER contains the package openapi_client or memory_client. Prints its results, as jsonapi_client.mjs does.
"""

import importlib
import json
import sys
from datetime import datetime, timezone
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
FAULTY = {**MEMORY, "memory_type": "é" * 76, "timestamp": datetime(1969, 12, 31, tzinfo=timezone.utc)}


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

    return send, failure


def openapi_python_client():
    client = importlib.import_module("memory_client")
    models = importlib.import_module("memory_client.models")
    store = importlib.import_module("memory_client.api.memories.store_memory")

    def ask(url, attributes):
        create = models.MemoryCreate(
            type_=models.MemoryCreateType.MEMORIES, attributes=models.MemoryAttributes(**attributes)
        )
        return store.sync(client=client.Client(base_url=url), body=models.MemoryCreateDocument(data=create))

    return (
        lambda url, attributes: ask(url, attributes).data,
        lambda url, attributes: words(ask(url, attributes).errors),
    )


send, failure = {"openapi-generator": openapi_generator, "openapi-python-client": openapi_python_client}[GENERATOR]()
first = send(URL, MEMORY)
seen = {
    "id": str(first.id),
    "s3_key": first.meta.s3_key,
    "repeated": str(send(URL, MEMORY).id),
    "refused": failure(URL, FAULTY),
    "failed": failure(FAILING_URL, MEMORY),
}
print(json.dumps(seen))
