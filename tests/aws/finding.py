"""What recall finds in a deployment on ministack: what was stored, at once; what is listed, whatever its view says; and
nothing of what was erased or forgotten.

The views are read, forged and deleted here as the root of the account, whom ministack's bucket policies do not hold.
"""

import json
import os
import signal
import time
import uuid
from collections import namedtuple

import zstandard
from caller import query_of
from deployment import ACCOUNT
from on_ministack import BUCKET, credentials_of, processes, refused, user

ERASURE = f"arn:aws:iam::{ACCOUNT}:user/erasure"
# Recall puts a view where it had to get more than 64 memories one by one (crates/memory-recall/src/find/base.rs).
MEMORIES = 70
SECRET = "aubergine"  # a word of the memories, which no log may have
Entity = namedtuple("Entity", "domain id")


def entity():
    return Entity("notes", str(uuid.uuid4()))


def memory(of, number):
    return {"domain": of.domain, "entity_id": of.id, "content": f"Ledger {number} is kept with the {SECRET}.",
            "timestamp": f"2026-01-27T03:{number // 60:02}:{number % 60:02}Z", "metadata": {"type": "note"}}


def scope(of):
    return {"filter__domain": of.domain, "filter__entity_id": of.id}


def ids(document):
    return [found["id"] for found in json.loads(document)["data"]]


def searched(reader, of, query=SECRET):
    return ids(reader.get("/memory/search", **scope(of), filter__query=query)[1])


def listed(reader, of):
    return ids(reader.get("/memories", **scope(of), page__limit="200")[1])


def finds_at_once(writer, reader):
    """Asserts that each read that begins after the receipt finds the memory, and gets it with an entity tag."""
    of = entity()
    near = of._replace(id=f"{of.id}2")
    other = writer.store(memory(near, 0))["memory_id"]
    for number in range(3):
        receipt = writer.store(memory(of, number))
        memory_id = receipt["memory_id"]
        assert searched(reader, of, f"ledger {number}")[0] == memory_id
        assert listed(reader, of)[0] == memory_id
        fields, document = reader.get(f"/memory/{memory_id}", **scope(of), filter__created_at=memory(of, number)["timestamp"])
        found = json.loads(document)["data"]
        assert (found["attributes"]["content"], found["attributes"]["status"]) == (memory(of, number)["content"], "unverified"), found
        tag = {"if-none-match": fields["etag"]}
        assert fields["etag"] and reader.get(f"/memory/{memory_id}", 304, tag, **scope(of))[1] == b"", fields
    # A REST API gives the parameters in no order.
    pages = {reader.get("/memories", **scope(of), sort="timestamp", page__limit="1")[1] for _ in range(5)}
    assert len(pages) == 1 and b'"next"' in pages.pop(), pages
    assert other not in listed(reader, of) + searched(reader, of) and listed(reader, near) == [other]
    reader.get(f"/memory/{other}", 404, **scope(of))
    print("  what was stored is found by the next request, inside its scope", flush=True)


def begin_again(stack):
    """Ends the processes of recall, so that the next request begins one that has read nothing."""
    name = stack.outputs["recall"]["function_name"]
    for process, _ in processes(stack, name):
        os.kill(process, signal.SIGKILL)
    end = time.monotonic() + 10
    while list(processes(stack, name)):
        assert time.monotonic() < end, "recall is still running"
        time.sleep(0.02)


def answers(reader, of):
    """Returns the bytes of a search, of a list in each order, and of one memory. A search of a process that has read nothing
    asks for the view, and a list does not, so the search is the first."""
    found = reader.get("/memory/search", **scope(of), filter__query=f"{SECRET} ledger 7", page__limit="50")[1]
    pages = [reader.get("/memories", **scope(of), sort=order, page__limit="200")[1] for order in ("timestamp", "-timestamp")]
    return [found, *pages, reader.get(f"/memory/{ids(found)[-1]}", **scope(of))[1]]


def forgeries(view):
    """Yields views that are wrong, each with its name."""
    text = zstandard.ZstdDecompressor().decompressobj().decompress(view)
    header, _, lines = text.partition(b"\n")
    forged = zstandard.ZstdCompressor().compress
    yield "nothing", b""
    yield "garbage", b"this is no view"
    yield "half of it", view[: len(view) // 2]
    yield "of another entity", forged(header.replace(b"/entity=", b"/entity=x") + b"\n" + lines)
    yield "of another version", forged(header.replace(b'"view":1', b'"view":2') + b"\n" + lines)
    yield "with other words", forged(header + b"\n" + lines.replace(SECRET.encode(), b"artichoke"))
    yield "with one line in two", forged(header + b"\n" + b"\n".join(lines.split(b"\n")[::2]))
    yield "in another order", forged(header + b"\n" + b"\n".join(lines.splitlines()[::-1]))


def a_view_changes_no_answer(stack, writer, reader):
    """Asserts that recall puts a view of a large entity and uses it, and that no other view changes an answer. Returns the
    entity and the receipts of its memories."""
    of, s3, views = entity(), stack.client("s3"), stack.outputs["recall"]["views_bucket"]
    receipts = [writer.store(memory(of, number)) for number in range(MEMORIES)]
    begin_again(stack)
    assert s3.list_objects_v2(Bucket=views)["KeyCount"] == 0
    expected = answers(reader, of)
    assert json.loads(expected[0])["meta"]["searched"] == MEMORIES == len(listed(reader, of))
    [view] = s3.list_objects_v2(Bucket=views)["Contents"]
    named = {"Bucket": views, "Key": view["Key"]}
    good = s3.get_object(**named)["Body"].read()
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(good).splitlines()
    objects = {s3.get_object(Bucket=BUCKET, Key=receipt["s3_key"])["Body"].read().rstrip(b"\n") for receipt in receipts}
    assert set(lines[1:]) == objects and len(lines) == 1 + MEMORIES, lines[0]
    print(f"  recall put the view of {MEMORIES} memories", flush=True)

    for name, forged in forgeries(good):
        s3.put_object(**named, Body=forged)
        begin_again(stack)
        assert answers(reader, of) == expected, f"a view that is {name} changes an answer"
    print("  no forged view changes a byte of an answer", flush=True)

    # An object that is damaged after a view has its line: with the view it is shown, so the view is read; without, it is told.
    damaged = {"Bucket": BUCKET, "Key": receipts[7]["s3_key"]}
    size = len(s3.get_object(**damaged)["Body"].read())
    version = s3.put_object(**damaged, Body=b"x" * size)["VersionId"]
    s3.put_object(**named, Body=good)
    begin_again(stack)
    assert answers(reader, of)[0] == expected[0], "the view was not used"
    s3.delete_object(**named)
    begin_again(stack)
    told = json.loads(reader.get("/memory/search", 500, **scope(of), filter__query=SECRET)[1])["errors"][0]["code"]
    assert told == "log_damaged", told
    s3.delete_object(**damaged, VersionId=version)
    assert answers(reader, of) == expected
    print("  the view is used, and without it a damaged object is told", flush=True)
    return of, receipts


def what_is_erased_is_gone(stack, reader, of, receipts):
    """Asserts that an erased memory is in no answer after its erasure, while a view and a process still hold it."""
    s3, views = stack.client("s3"), stack.outputs["recall"]["views_bucket"]
    before = listed(reader, of)
    [view] = s3.list_objects_v2(Bucket=views)["Contents"]
    erased = receipts[11]
    eraser = stack.client("s3", *user(stack, "erasure", {"Action": "s3:*", "Resource": "*"}))
    for version in eraser.list_object_versions(Bucket=BUCKET, Prefix=erased["s3_key"])["Versions"]:
        eraser.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    for again in (lambda: None, lambda: begin_again(stack)):
        again()
        assert listed(reader, of) == [found for found in before if found != erased["memory_id"]]
        assert erased["memory_id"] not in searched(reader, of, "ledger 11")
        reader.get(f"/memory/{erased['memory_id']}", 404, **scope(of))
    [kept] = s3.list_objects_v2(Bucket=views)["Contents"]
    held = zstandard.ZstdDecompressor().decompressobj().decompress(s3.get_object(Bucket=views, Key=kept["Key"])["Body"].read())
    assert erased["memory_id"].encode() in held and kept["ETag"] == view["ETag"], "the view must still hold it, or this proves little"
    print("  what is erased is gone from the next answer, while the view still holds it", flush=True)


def what_is_forgotten_is_hidden(stack, writer, reader, changer):
    """Asserts that a memory is in no answer after its DELETE, by an event that is stored once."""
    of = entity()
    receipts = [writer.store(memory(of, number)) for number in range(3)]
    memory_ids = [receipt["memory_id"] for receipt in receipts]
    assert listed(reader, of) == memory_ids[::-1]
    path = f"/memory/{memory_ids[1]}?{query_of(**scope(of))}"
    for is_repeat in (False, True):
        status, fields, text = changer.send("DELETE", path, {"meta": {"reason": f"It names the {SECRET}."}})
        told = json.loads(text)["meta"]
        assert (status, told["status"], told["seq"], fields["idempotent-replayed"]) == (200, "deleted", 1, "true" if is_repeat else None), text
        assert listed(reader, of) == [memory_ids[2], memory_ids[0]] and memory_ids[1] not in searched(reader, of, "ledger 1")
    event = json.loads(stack.client("s3").get_object(Bucket=BUCKET, Key=told["s3_key"])["Body"].read())
    assert (event["memory_id"], event["status"], event["actor"].rsplit("/", 1)[-1]) == (memory_ids[1], "deleted", "change"), event
    assert writer.store(memory(of, 1)) == receipts[1]
    begin_again(stack)
    assert listed(reader, of) == [memory_ids[2], memory_ids[0]]
    gone = json.loads(reader.get(f"/memory/{memory_ids[1]}", 410, **scope(of))[1])["errors"][0]
    assert (gone["code"], gone["meta"]["seq"]) == ("deleted", 1), gone
    print("  what is forgotten is hidden from the next answer, also if it is stored again", flush=True)


def only_recall_has_views_and_events(stack):
    """Asserts what S3 refuses to everybody but recall's role, and to that role."""
    views = stack.outputs["recall"]["views_bucket"]
    view = stack.client("s3").list_objects_v2(Bucket=views)["Contents"][0]
    mine, denied = {"Bucket": views, "Key": view["Key"]}, ("AccessDenied",)
    event = {"Bucket": BUCKET, "Key": "events/domain=a/entity=b/c/1.json", "Body": b"{}"}
    others = {"an operator": user(stack, "operator", {"Action": "s3:*", "Resource": "*"})}
    others["the writer's role"] = credentials_of(stack, stack.outputs["function_name"])
    for who, held in others.items():
        s3 = stack.client("s3", *held)
        refused(f"{who} puts a view", s3.put_object, *denied, **mine, Body=b"", IfMatch=view["ETag"])
        refused(f"{who} puts a new view", s3.put_object, *denied, Bucket=views, Key="new", Body=b"", IfNoneMatch="*")
        refused(f"{who} reads a view", s3.get_object, *denied, **mine)
        refused(f"{who} puts an event", s3.put_object, *denied, **event, IfNoneMatch="*")

    s3 = stack.client("s3", *credentials_of(stack, stack.outputs["recall"]["function_name"]))
    [found] = s3.list_objects_v2(Bucket=BUCKET, Prefix="memories/", MaxKeys=1)["Contents"]
    log = {"Bucket": BUCKET, "Key": found["Key"]}
    assert s3.get_object(**log)["Body"].read() and s3.get_object(**mine)["Body"].read()
    assert s3.put_object(**event, IfNoneMatch="*")["ETag"]
    refused("recall's role puts an event again", s3.put_object, "PreconditionFailed", **event, IfNoneMatch="*")
    refused("recall's role puts an event without the condition", s3.put_object, *denied, **event)
    refused("recall's role puts a memory", s3.put_object, *denied, Bucket=BUCKET, Key="memories/by-recall.json", Body=b"{}", IfNoneMatch="*")
    refused("recall's role puts outside the log", s3.put_object, *denied, Bucket=BUCKET, Key="other.json", Body=b"{}", IfNoneMatch="*")
    refused("recall's role deletes a memory", s3.delete_object, *denied, **log)
    refused("recall's role lists outside the log", s3.list_objects_v2, *denied, Bucket=BUCKET, Prefix="other/")
    refused("recall's role lists versions", s3.list_object_versions, *denied, Bucket=BUCKET)
    refused("recall's role puts a view over another", s3.put_object, *denied, **mine, Body=b"")
    refused("recall's role deletes a view", s3.delete_object, *denied, **mine)


def recall_without_changes_puts_no_event(stack):
    """Asserts that the role of a recall that changes nothing can put no event."""
    s3 = stack.client("s3", *credentials_of(stack, stack.outputs["recall"]["function_name"]))
    refused("recall's role, without changes, puts an event", s3.put_object, "AccessDenied", Bucket=BUCKET, Key="events/domain=a/entity=b/c/2.json",
            Body=b"{}", IfNoneMatch="*")


def no_log_has_what_was_asked(stack):
    """Asserts that neither the words of a memory nor those of a query are in a log of CloudWatch."""
    logs = stack.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (page for name in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name))
    read = "".join(event["message"] for page in pages for event in page["events"])
    assert '"outcome":"read"' in read and SECRET not in read and "artichoke" not in read
    print("  no log has a word of a memory or of a query", flush=True)
