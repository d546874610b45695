#!/usr/bin/env python3
"""Tests insights.py: what a query answers, and which queries it refuses.

usage: tests/aws/insights_test.py
"""

import json
import re
from pathlib import Path

from insights import Line, ask

RUNBOOK = Path(__file__).resolve().parents[2] / "docs/runbook.md"

RECORDS = [
    {"outcome": "stored", "ms": 5, "s3_ms": 4, "caller": "ann", "status": 201},
    {"outcome": "unknown", "ms": 9000, "s3_ms": 8999, "caller": "bob", "status": 504, "why": "reset a/b"},
    {"outcome": "refused", "ms": 1, "caller": "bob", "status": "403", "s3_ms": "-", "record": {"status": "deep"}},
]
LINES = [Line("/aws/lambda/f", 60_000 * at, json.dumps(record)) for at, record in enumerate(RECORDS)]
LINES.append(Line("/aws/vendedlogs/f", 60_000 * 9, "START of something"))

ANSWERS = {
    "filter outcome = 'stored' | fields caller, ms": ["ann"],
    "filter outcome in [\"stored\", \"unknown\"]": ["ann", "bob"],
    "filter outcome not in [\"stored\", \"unknown\"]": ["bob", None],
    "filter status like /^5/": ["bob"],
    "filter @message not like /outcome/": [None],
    "filter why like \"a/b\" or caller = 'ann'": ["ann", "bob"],
    "filter caller = \"bob\" and ms > 10": ["bob"],
    "filter caller = 'ann' or caller = 'bob' and ms > 10": ["ann", "bob"],
    "filter ispresent(s3_ms)": ["ann", "bob", "bob"],
    "filter ms >= 9 | limit 1": ["bob"],
    "filter status = 403": ["bob"],
    "filter record.status = 'deep'": ["bob"],
    "filter nothing = 'stored'": [],
    "filter ms != 1 | sort ms desc | limit 2": ["bob", "ann"],
}
# What S3 says of a put that a policy denies: with the key, so no two messages are the same.
DENIED = "User: arn:aws:sts::123456789012:assumed-role/f/f is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::b/{}\""
DENIALS = [
    {"outcome": "failed", "code": "storage_refused", "s3_code": "AccessDenied", "domain": "work", "entity": "rob", "s3_ms": 4,
     "why": DENIED.format(f"memories/{at}.json")} for at in range(2)
]
REFUSED = [
    "display outcome", "filter", "filter outcome like", "filter (outcome", "filter outcome ~ 'stored'", "filter outcome in ['stored'",
    "stats count(*) by caller", "stats median(ms) as m", "filter isEmpty(ms)", "stats latest(ms, 1) as m", "limit many", "fields ms |", "stats count(*) as n by bin(5x)",
]


def main():
    for query, expected in ANSWERS.items():
        rows = ask(query, LINES)
        assert [row.get("caller") for row in rows] == expected, (query, rows)
    [all_of_bob, ann] = ask("filter ispresent(caller) | stats count(*) as n, sum(ms) as s, max(s3_ms) as m, pct(ms, 50) as p by caller | sort n desc", LINES)
    assert all_of_bob == {"caller": "bob", "n": 2, "s": 9001, "m": 8999, "p": 1}, all_of_bob
    assert ann == {"caller": "ann", "n": 1, "s": 5, "m": 4, "p": 5}, ann
    [first, second] = ask("stats count(*) as n by bin(5m) | sort n asc", LINES)
    assert (first["n"], second["n"], first["bin(5m)"]) == (1, 3, 300), (first, second)
    rows = ask("fields coalesce(why, caller) as id | stats sum(strcontains(@log, \"/lambda/\")) as f by id | sort id asc", LINES)
    assert [(row["id"], row["f"]) for row in rows] == [(None, 0), ("ann", 1), ("bob", 1), ("reset a/b", 1)], rows
    [ann, bob] = ask("filter ispresent(caller) | stats latest(ms) as last, latest(why) as said by caller | sort caller asc", LINES[::-1])
    assert (ann["last"], bob["last"], bob["said"]) == (5, 1, None), (ann, bob)
    the_runbook_counts_by_code_what_s3_refuses()
    for query in REFUSED:
        try:
            rows = ask(query, LINES)
        except (ValueError, KeyError):
            continue
        raise AssertionError(f"{query} is not refused: {rows}")


def the_runbook_counts_by_code_what_s3_refuses():
    """Its queries have one row for the same failure of two memories, and the last message of S3 as an example."""
    lines = [Line("/aws/lambda/f", 1000 * at, json.dumps(record)) for at, record in enumerate(DENIALS)]
    for section in ("gateway-5xx", "storage-failures", "storage-refused"):
        text = RUNBOOK.read_text().split(f"\n### {section}\n")[1].split("\n### ")[0]
        [query] = [query for query in re.findall(r"^```insights \w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if "s3_code" in query]
        [row] = ask(query, lines)
        assert (row["requests"], row["s3_code"], row["example"]) == (2, "AccessDenied", DENIALS[1]["why"]), (section, row)


if __name__ == "__main__":
    main()
