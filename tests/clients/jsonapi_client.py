"""Does a backend's work with jsonapi-requests.

usage: jsonapi_client.py URL FAILING_URL

This client appends a slash to the path, repeats a request when the service fails, drops the meta of a resource, and
gives its user the bytes of a failure. Prints its results, as jsonapi_client.mjs does.
"""

import json
import sys
from urllib.parse import parse_qs, urlsplit

import jsonapi_requests
from jsonapi_requests.request_factory import ApiClientError, ApiInternalServerError

URL, FAILING_URL = sys.argv[1:]
MEMORY = {
    "content": "Rob prefers mornings. „☃“",
    "repository_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
    "memory_type": "habit",
    "tags": ["a", "b"],
    "timestamp": "2026-01-27T03:14:22Z",
}


def create(url, attributes):
    api = jsonapi_requests.Api.config({"API_ROOT": url, "RETRIES": 2, "TIMEOUT": 20})
    document = jsonapi_requests.JsonApiObject(type="memories", attributes=attributes)
    return api.endpoint("memory").post(object=document).data


def failure(url, attributes, kind):
    try:
        create(url, attributes)
    except kind as error:
        return " ".join(error["code"] + " " + error["detail"] for error in json.loads(error.content)["errors"])
    raise SystemExit("nothing was refused")


def read(path, params):
    api = jsonapi_requests.Api.config({"API_ROOT": URL, "TIMEOUT": 20})
    return api.endpoint(path).get(params=params)


def told(call, id, tag=None, **arguments):
    """Makes a call about one memory. The client shows no header of a response, so the tag is made of its number."""
    media = "application/vnd.api+json"
    headers = {"Accept": media, "Content-Type": media, **({"If-Match": tag} if tag else {})}
    api = jsonapi_requests.Api.config({"API_ROOT": URL, "RETRIES": 1, "TIMEOUT": 20})
    try:
        answer = getattr(api.endpoint("memory/" + id), call)(params=SCOPE, headers=headers, **arguments)
    except ApiClientError as error:
        return str(error.status_code), None
    meta = answer.content.meta
    return meta["status"], f'"{meta["seq"]}-1j"'


def life(id):
    def patch(status, tag=None):
        return told("patch", id, tag, object=jsonapi_requests.JsonApiObject(type="memories", id=id, attributes={"status": status}))

    verified, locked = patch("verified"), patch("locked")
    refused = [told("delete", id), patch("verified"), patch("verified", '"0-1j"')]
    unlocked = patch("verified", locked[1])
    deleted, gone = told("delete", id), told("get", id)
    restored = patch("unverified", deleted[1])
    return [word for word, _ in [verified, locked, *refused, unlocked, deleted, gone, restored]]


SCOPE = {"filter[repository_id]": MEMORY["repository_id"]}
PAGE = {**SCOPE, "page[limit]": 1}

first = create(URL, MEMORY)
create(URL, {**MEMORY, "content": "Rob drinks tea.", "timestamp": "2026-01-28T03:14:22Z"})
newest = read("memories", PAGE)
cursor = parse_qs(urlsplit(newest.content.links["next"]).query)["page[after]"][0]
oldest = read("memories", {**PAGE, "page[after]": cursor})
seen = {
    "id": first.id,
    "s3_key": None,
    "repeated": create(URL, MEMORY).id,
    "refused": failure(URL, {"repository_id": "42"}, ApiClientError),
    "failed": failure(FAILING_URL, MEMORY, ApiInternalServerError),
    "found": [hit.id for hit in read("memory/search", {**SCOPE, "filter[query]": "mornings"}).data],
    "listed": [memory.attributes["content"] for memory in [*newest.data, *oldest.data]],
    "got": read(f"memory/{first.id}", SCOPE).data.attributes["content"],
    "changed": life(first.id),
}
print(json.dumps(seen))
