#!/usr/bin/env python3
"""Runs every command and every query of docs/runbook.md on ministack, as an operator whose deployment is in trouble.

usage: tests/aws/by_the_runbook.py [--aws PROGRAM] [--package ZIP] [--recall ZIP] [--program PROGRAM]

Each block is taken from the page. Only what stands there for the reader's own names is replaced, and a block that no drill
has taken fails the test. A trouble is made before it is looked for, as the root of the account, whom ministack's bucket
policies do not hold. The readers of objects are those whom the page names. insights.py evaluates the queries, over the logs
of ministack and the access log of access_log.py. Needs what by_the_docs.py needs, both packages, jq, openssl, and a build of
the command line.
"""

import json
import re
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from by_the_docs import Operator, block, ministack, options
from by_the_pipeline import crash
from caller import Caller, query_of
from deployment import ACCOUNT, OTHER_REGION, REGION, ROOT, free_port
from on_ministack import user
from rotation import Begun, Callers
from runbook import Deployed

NAME, REPLICA = "memory-ingress-prod", "our-replica"
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"
STATES = f"memory-ingress-terraform-{ACCOUNT}-{REGION}"
ROB = {"domain": "work", "entity_id": "rob"}
SCOPE = {"filter__domain": "work", "filter__entity_id": "rob"}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
YES = "yes\n"
SETTINGS = f"""
name                        = "{NAME}"
auth_mode                   = "api_key"
api_clients                 = ["billing"]
object_lock                 = {{ mode = "GOVERNANCE", days = 30 }}
replication                 = {{ bucket_arn = "arn:aws:s3:::{REPLICA}" }}
recall                      = {{ changes = true }}
reader_principal_arns       = ["arn:aws:iam::{ACCOUNT}:user/reader"]
writer_principal_arns       = ["arn:aws:iam::{ACCOUNT}:user/host"]
break_glass_principal_arns  = ["arn:aws:iam::{ACCOUNT}:user/break-glass"]
"""
# After the drill of a bad version, and in the drill of a key.
ROLLED_BACK = SETTINGS + 'live_version = "1"\n'
BOTH, ROTATED = (ROLLED_BACK.replace('["billing"]', clients) for clients in ('["billing", "billing-2"]', '["billing-2"]'))


def memory(number):
    return {**ROB, "content": f"Rob's note {number}.", "timestamp": f"2026-01-27T03:14:{number:02}Z"}


def deploy(it):
    """Deploys by docs/deploying.md, with the settings of an environment, to where the two buckets are that exist before."""
    for bucket, region in ((STATES, REGION), (REPLICA, OTHER_REGION)):
        s3 = it.client("s3", region=region)
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == REPLICA, **place)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = {name: user(it, name, {"Action": "s3:*", "Resource": "*"}) for name in ("reader", "host", "break-glass")}
    for name, (key, secret) in {**keys, "administrator": ("test", "test")}.items():
        (it.operator.folder / name).write_text(f"export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}\n")
    it.operator.run("terraform/package.py --recall --architecture arm64; cd terraform")
    it.operator.write("envs/prod.tfvars", SETTINGS)
    it.operator.run(block("Environments", "terraform apply -var-file"), YES)
    it.read_outputs()
    told = it.do("Where the commands run", "BUCKET=")
    assert "/aws/vendedlogs/" in told, told
    it.do("Where the commands run", "package.py")
    smoke(it)


def smoke(it, allowed=(0,)):
    return it.do("Where the commands run", "./smoke.py", allowed=allowed)


def one_memory(it):
    billing = it.caller()
    for number in range(3):
        billing.store(memory(number))
    status, fields, text = billing.send("POST", "/memory", memory(3), traceparent=f"00-{TRACE}-{SPAN}-01", accept="application/json")
    receipt = json.loads(text)
    found, key = receipt["memory_id"], receipt["s3_key"]
    section = "The memories of a caller"
    [(name, mine)] = [line.split() for line in it.do(section).splitlines()]
    assert name == f"{NAME}-billing", name
    stored = [row["memory_id"] for row in it.look(section, "outcome in", CALLER=mine)]
    assert found in stored and len(stored) > 4, stored
    rows = it.look(section, "bin(1h)", CALLER=mine)
    assert sum(row["requests"] for row in rows) == len(it.lines("access")), rows
    [row] = it.look("The memories of a trace", TRACE=TRACE)
    assert (row["memory_id"], row["key"]) == (found, key), row

    example = "3801baa2-1063-86b6-b294-c22f1c2f081e"
    section = "One memory, found by its id"
    [row] = it.look(section, "memory_id", **{example: found})
    assert (row["outcome"], row["key"], row["caller"], row["request_id"]) == ("stored", key, mine, fields["x-request-id"]), row
    [request] = it.look(section, "function_request", REQUEST=row["request_id"])
    assert (request["caller"], request["path"], request["status"]) == (mine, "/live/memory", "201"), request
    it.becomes("reader")
    told = it.do(section, "list-objects-v2", MEMORY_ID=found).splitlines()
    assert told[0] == key and json.loads(told[1])["content"] == "Rob's note 3." and len(told) == 2, told
    it.becomes("administrator")


def apply(it, settings):
    """Deploys with these settings."""
    it.operator.write("envs/prod.tfvars", settings)
    it.operator.run("terraform apply -var-file=envs/prod.tfvars", YES)
    it.read_outputs()


def storage_is_refused(it):
    """Somebody denies puts by the policy of the bucket."""
    s3, billing, sent = it.client("s3"), it.caller(), memory(10)
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"].append({"Sid": "Mistake", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    for refused in (sent, memory(11)):
        status, _, told = billing.send("POST", "/memory", refused)
        assert (status, json.loads(told)["errors"][0]["code"]) == (500, "storage_refused"), told
    for section in ("storage-refused", "storage-failures"):
        [row] = it.look(section)
        assert (row["s3_code"], row["requests"], bool(row["example"])) == ("AccessDenied", 2, True), row
    told = it.do("storage-refused", "lookup-events")
    # ministack names every put to a bucket itself CreateBucket.
    assert "CreateBucket" in told and "aws_s3_bucket_policy.memories" in told and '"Mistake"' in told, told
    it.do("storage-refused", "terraform apply", YES)
    assert billing.store(sent)["s3_key"]
    smoke(it)


def a_version_is_bad(it):
    """A release whose function ends at once."""
    crash(it.operator.clone / "target/lambda/memory-ingress-arm64.zip")
    apply(it, SETTINGS)
    smoke(it, allowed=(1,))
    status, fields, text = it.caller().send("POST", "/memory", memory(11))
    assert (status, fields["x-request-id"]) == (502, None), text
    assert sum(row["failed"] for row in it.look("gateway-5xx", "function_error") if row["status"] == "502") >= 4
    invocations_ended(it, "error", "success", "timeout")
    assert [row["record.status"] for row in it.look("writer-errors")] == ["timeout", "error"]
    section = "A bad version and its roll-back"
    told = it.do(section, "get-alias")
    assert told.split()[0] == "2" and "|  1 " in told, told
    it.do(section, "update-alias", VERSION="1")
    smoke(it)
    it.operator.write("envs/prod.tfvars", ROLLED_BACK)
    # ministack's own alarms always differ from the state.
    changed = re.findall(r"# (\w+)\..* (?:will|must) be", it.do(section, "terraform plan"))
    assert set(changed) <= {"aws_cloudwatch_metric_alarm"}, changed


def invocations_ended(it, *statuses):
    """Writes what Lambda writes of invocations in the format of JSON, which ministack does not: the events of its Telemetry API."""
    request = {"requestId": "768d1576-65d1-442c-ab93-403bcb5614b0"}
    events = [{"type": "platform.start", "record": {**request, "version": "2"}}]
    events += [{"type": "platform.report", "record": {**request, "status": status, "metrics": {"durationMs": 203.1}}} for status in statuses]
    logs, stream = it.client("logs"), {"logGroupName": it.groups["writer"], "logStreamName": "platform"}
    logs.create_log_stream(**stream)
    now = round(time.time() * 1000)
    logs.put_log_events(**stream, logEvents=[{"timestamp": now + at, "message": json.dumps(event)} for at, event in enumerate(events)])


def an_object_is_damaged(it):
    """Somebody puts another object in the place of a memory. The replica gets it too."""
    s3, billing = it.client("s3"), it.caller()
    receipt = billing.store(memory(1))
    key = receipt["s3_key"]
    damaged = s3.put_object(Bucket=BUCKET, Key=key, Body=b"damaged")["VersionId"]
    told = json.loads(billing.get("/memory/search", 500, **SCOPE, filter__query="note")[1])["errors"][0]["code"]
    assert told == "log_damaged", told
    [row] = it.look("recall-log-damaged")
    assert row["why"].startswith(key), row
    [row] = [row for row in it.look("gateway-5xx", 'outcome = "failed"') if row["code"] == "log_damaged"]
    it.becomes("reader")
    told = it.do("recall-log-damaged", "list-object-versions", KEY=f"'{key}'")
    assert re.search(rf"{damaged}\W+True\W", told), told
    assert (it.operator.clone / "terraform/damaged.json").read_bytes() == b"damaged"
    it.becomes("break-glass")
    locked = it.runbook.take("recall-log-damaged", "delete-object", VERSION=damaged)[1]
    assert "AccessDenied" in it.operator.run(locked, allowed=(254, 255))
    it.operator.run(locked.replace("--version-id", "--bypass-governance-retention --version-id"))
    it.becomes("reader")
    it.do("recall-log-damaged", "replay")
    assert receipt["memory_id"] in found(billing, "note")


def found(caller, query, **scope):
    return [found["id"] for found in json.loads(caller.get("/memory/search", **(scope or SCOPE), filter__query=query)[1])["data"]]


def an_object_is_deleted_by_mistake(it):
    """Break-glass deletes every version of the memory that was damaged before, of which the replica has the good and the bad bytes."""
    s3, billing = it.client("s3"), it.caller()
    lost = billing.store(memory(1))
    for version in s3.list_object_versions(Bucket=BUCKET, Prefix=lost["s3_key"])["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key=lost["s3_key"], VersionId=version["VersionId"], BypassGovernanceRetention=True)
    assert lost["memory_id"] not in found(billing, "note")
    it.becomes("break-glass")
    told = it.do("One object from a replica", "list-object-versions", KEY=f"'{lost['s3_key']}'")
    versions = [row.split("|")[1:5] for row in told.splitlines() if "T" in row and "|" in row]
    good, bad = sorted(versions, key=lambda row: int(row[3]), reverse=True)
    assert (bad[1].strip(), int(bad[3])) == ("True", len(b"damaged")), told
    it.do("One object from a replica", "put-object", VERSION=good[0].strip())
    assert lost["memory_id"] in found(billing, "note")
    assert billing.send("POST", "/memory", memory(1))[1]["idempotent-replayed"] == "true"
    it.becomes("administrator")


def events_are_put_past_the_service(it):
    """A caller forgets a memory, and somebody else puts an event by hand."""
    billing, section = it.caller(), "Events that the service did not put"
    path = f"/memory/{billing.store(memory(2))['memory_id']}?{query_of(**SCOPE)}"
    status, _, text = billing.send("DELETE", path, {"meta": {"reason": "Rob asked."}})
    assert status == 200, text
    ours, forged = json.loads(text)["meta"]["s3_key"], "events/domain=work/entity=rob/forged/1.json"
    it.client("s3").put_object(Bucket=BUCKET, Key=forged, Body=b"{}")
    it.becomes("reader")
    told = it.do(section, "list-objects-v2", allowed=(1,))
    assert {line for line in told.splitlines() if line.startswith("events/") and line.endswith(".json")} == {ours, forged}, told
    made = it.look(section)
    assert ours in [row["key"] for row in made] and forged not in [row["key"] for row in made], made
    [version] = it.client("s3").list_object_versions(Bucket=BUCKET, Prefix=forged)["Versions"]
    for s3, bucket in ((it.client("s3"), BUCKET), (it.client("s3", OTHER_REGION), REPLICA)):
        for version in s3.list_object_versions(Bucket=bucket, Prefix=forged)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=forged, VersionId=version["VersionId"], BypassGovernanceRetention=True)
    it.do(section, "list-objects-v2")
    it.becomes("administrator")


def a_function_is_called_past_the_gateway(it):
    """Somebody who may invoke the function sends it an event of their own."""
    section = "A request that did not come by the gateway"
    rows = it.look(section)
    assert rows and all(row["in_gateway"] for row in rows if row["in_function"]), rows[:3]
    event = json.loads((ROOT / "tests/events/rest_iam_envelope.json").read_text())
    answered = it.client("lambda").invoke(FunctionName=NAME, Qualifier="live", Payload=json.dumps(event))
    assert json.loads(answered["Payload"].read())["statusCode"] == 201
    first, second = it.look(section)[:2]
    assert (first["in_gateway"], first["in_function"] > 0, second["in_gateway"]) == (0, True, 1), (first, second)


def an_api_key_is_rotated(it):
    section, old = "A key is rotated", it.caller()
    [(_, old_id)] = [line.split() for line in it.do("The memories of a caller").splitlines()]
    with Callers("rotation", "gateway", old) as callers:
        apply(it, BOTH)
        new = Caller(it.stack, **{"x-api-key": it.do(section, "billing-2").strip()})
        callers.lead(new)
        until = max(line.timestamp for line in it.lines("access") if old_id in line.message)
        apply(it, ROTATED)
        callers.go_on()
    assert not callers.failed, callers.failed
    assert max(line.timestamp for line in it.lines("access") if old_id in line.message) == until
    assert old.send("POST", "/memory", memory(20))[0] == 403
    it.becomes("reader")
    proved(it, callers, "rotation", "gateway")
    it.becomes("administrator")


def proved(it, callers, domain, entity, place='--bucket "$BUCKET"'):
    """Asserts that the log has, proved, what was acknowledged and nothing else."""
    replayed = it.operator.run(f"memory-ingress replay {place} --domain {domain} --entity {entity} 2>/dev/null").splitlines()
    assert sorted(json.loads(line)["memory_id"] for line in replayed) == sorted(callers.acknowledged)
    print(f"  {len(replayed)} requests of {entity}, none failed", flush=True)


def the_key_of_a_serve_is_rotated(it):
    """Two services over one folder, and two over one bucket."""
    for entity, place in (("folder", "--data memory-data"), ("bucket", '--bucket "$BUCKET"')):
        it.becomes("host")
        first, second = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        started = it.operator.run(f"""MEMORY_API_KEY=old memory-ingress serve --listen {first[7:]} {place} 2>>first.log >&2 &
            echo $!; until memory-ingress health --url {first} >&2; do sleep 1; done""")
        old, old_pid = door(first, "old"), started.splitlines()[0]
        with Callers("rotation", entity, old) as callers:
            text = it.runbook.take("A key is rotated", "memory-ingress serve")[1]
            it.operator.run(text.replace("127.0.0.1:8081", second[7:]).replace("--data memory-data", place) + "\necho $! >second")
            callers.lead(door(second, it.operator.run('echo "$NEW_KEY"').strip()))
            begun = Begun(first, "old", {"domain": "rotation", "entity_id": entity, "content": "Begun before.", "timestamp": "2026-01-27T03:14:23Z"})
            it.operator.run(f"export OLD_PID={old_pid}")
            it.do("A key is rotated", "kill -TERM")
            answered = begun.end()
            assert answered.startswith("HTTP/1.1 201 "), answered
            callers.acknowledged.append(json.loads(answered.partition("\r\n\r\n")[2])["memory_id"])
            it.operator.run(f"for _ in $(seq 110); do kill -0 {old_pid} 2>/dev/null || exit 0; sleep 0.1; done; exit 1")
            callers.go_on()
        assert not callers.failed, callers.failed
        it.operator.run('kill -TERM "$(cat second)"')
        it.becomes("reader")
        proved(it, callers, "rotation", entity, place)
    it.becomes("administrator")


def door(url, key):
    """A caller of a `serve`."""
    return Caller(SimpleNamespace(stage="", host=url[7:], port=80, cert="", endpoint=url), **{"x-api-key": key, "host": url[7:]})


def an_entity_is_erased(it):
    it.becomes("break-glass")
    # The plan waits for requests that may be under way, and somebody reads it. Here neither is necessary.
    for name, does in (("sleep", "true"), ("less", 'cat "$@"')):
        program = it.operator.folder / "erase" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    it.operator.run(f'old="$PATH"; export old PATH="{it.operator.folder}/erase:$PATH"')
    for told in (it.operator.run(block("Erasing a memory on legal demand", "memory-ingress erase")), it.do("An erasure", "--without-views")):
        assert told.endswith("Erased: only the tombstones are left.\n"), told
    it.operator.run('export PATH="$old"')
    told = it.do("An erasure", "replay").splitlines()
    events = [json.loads(line) for line in told]
    assert events and {(event["status"], event["actor"]) for event in events if "status" in event} == {("deleted", "break-glass")}, told
    assert not any("content" in event for event in events), told
    it.becomes("administrator")


def the_region_is_lost(it):
    """Everything of the first region is deleted, and its state. A caller of before repeats what it sent."""
    scope = {"filter__domain": "work", "filter__entity_id": "ann"}
    sent = [{**memory(number), "entity_id": "ann"} for number in range(4)]
    billing = it.caller()
    receipts = [billing.store(one) for one in sent]
    assert billing.send("DELETE", f"/memory/{receipts[0]['memory_id']}?{query_of(**scope)}")[0] == 200
    before, told = found(billing, "note", **scope), []
    assert len(before) == 3, before
    it.becomes("reader")
    for what in ("", "--events"):
        told.append(it.operator.run(f'memory-ingress replay --bucket "$BUCKET" {what} 2>/dev/null'))
    it.becomes("administrator")
    lose(it)

    section = "The region is lost"
    it.operator.clone = it.operator.folder / "lost"
    it.operator.get_a_clone()
    it.operator.run("terraform/package.py --recall --architecture arm64; cd terraform")
    it.operator.write("envs/prod.tfvars", ROTATED)
    it.do(section, "import.tf <<END")
    applied = it.do(section, "terraform apply", YES)
    assert "1 to import, " in applied and ", 0 to destroy" in applied, applied
    it.read_outputs()
    smoke(it)
    it.becomes("reader")
    it.do(section, "replay")
    for what, proofs in zip(("", "--events"), told, strict=True):
        again = it.operator.run(f'memory-ingress replay --bucket "$BUCKET" {what} 2>/dev/null').splitlines()
        assert not set(proofs.splitlines()) - set(again), "the replica lacks something"
        assert {json.loads(line).get("domain") for line in set(again) - set(proofs.splitlines())} <= {"smoke"}
    it.becomes("administrator")
    assert billing.send("POST", "/memory", sent[1])[0] in (403, 404), "the old key is one of the old API"
    [key] = json.loads(it.do(section, "api_keys")).values()
    billing = Caller(it.stack, **{"x-api-key": key})
    assert found(billing, "note", **scope) == before
    for one, receipt in zip(sent, receipts, strict=True):
        status, fields, text = billing.send("POST", "/memory", one, accept="application/json")
        assert (status, json.loads(text), fields["idempotent-replayed"]) == (201, receipt, "true"), text
    new = billing.store({**memory(5), "entity_id": "ann"})["memory_id"]
    assert sorted(found(billing, "note", **scope)) == sorted([*before, new])


def lose(it):
    """Deletes what the first region had."""
    s3 = it.client("s3")
    for bucket in (BUCKET, f"{BUCKET}-views", STATES):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True)
        s3.delete_bucket(Bucket=bucket)
    it.client("apigateway").delete_rest_api(restApiId=it.outputs["api_id"])
    for name in (NAME, f"{NAME}-recall"):
        it.client("lambda").delete_function(FunctionName=name)


def nothing_to_see(it):
    """The queries of the alarms that did not go off are answered too."""
    for section in ("writer-throttles", "writer-p99", "no-traffic", "recall-throttles", "recall-p99"):
        assert it.look(section), section
    for section in ("unknown-outcomes", "recall-errors", "recall-view-building"):
        assert it.look(section) == [], section
    assert it.look("gateway-5xx", "mistakes") == []
    it.becomes("reader")
    stored = it.caller().store(memory(0))["s3_key"]
    assert "ETag" in it.do("unknown-outcomes", KEY=f"'{stored}'")
    assert "404" in it.do("unknown-outcomes", KEY=f"'{stored}x'", allowed=(254, 255))
    it.becomes("administrator")


STEPS = [
    deploy, one_memory, storage_is_refused, a_version_is_bad, an_object_is_damaged, an_object_is_deleted_by_mistake,
    events_are_put_past_the_service, a_function_is_called_past_the_gateway, nothing_to_see, an_api_key_is_rotated, the_key_of_a_serve_is_rotated,
    an_entity_is_erased, the_region_is_lost,
]


def main():
    parser = options(__doc__)
    parser.add_argument("--recall", default=ROOT / "target/lambda/memory-recall-x86_64.zip", type=Path, help="the package of recall")
    parser.add_argument("--program", default=ROOT / "target/debug/memory-ingress", type=Path, help="the command line")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ministack(folder, CLOUDTRAIL_RECORDING="1") as env:
        operator = Operator(folder, env, given.aws, given.package.resolve(), **{"memory-recall": str(given.recall.resolve())})
        (Path(folder) / "bin/memory-ingress").symlink_to(given.program.resolve())
        # The pipeline hands over no boundaries here.
        gh = Path(folder) / "bin/gh"
        gh.write_text("#!/bin/sh\necho '{\"boundaries\": {}}'\n")
        gh.chmod(0o755)
        it = Deployed(operator, env)
        for step in STEPS:
            begun = time.monotonic()
            step(it)
            print(f"{time.monotonic() - begun:4.0f} s  {step.__name__.replace('_', ' ')}", flush=True)
        it.runbook.check()


if __name__ == "__main__":
    main()
