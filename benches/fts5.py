#!/usr/bin/env python3
"""Answers the judged queries with SQLite's FTS5, to compare recall's ranking with it.

usage: benches/fts5.py [--held-out]

The memories and queries are those of crates/memory-recall/tests/judged. `cargo run -p memory-recall --release --example
judged` measures recall's own ranking over them: the same memories for each setting, the same answers, and the words of
a query joined by OR. FTS5 ranks by its bm25 with the tokenizer `porter unicode61`, over the content alone, and over the
content and the strings of the metadata.
"""

import argparse
import json
import re
import sqlite3
import statistics
import sys
import time
from pathlib import Path

JUDGED = Path(__file__).resolve().parent.parent / "crates/memory-recall/tests/judged"


def lines(name):
    return [json.loads(line) for line in (JUDGED / name).read_text().splitlines()]


def strings(value):
    match value:
        case str():
            yield value
        case list():
            for element in value:
                yield from strings(element)
        case dict():
            for member in value.values():
                yield from strings(member)


def index(memories, with_metadata):
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE memory USING fts5(content, beside, tokenize = 'porter unicode61')")
    for number, memory in memories:
        beside = " ".join(strings(memory.get("metadata", {}))) if with_metadata else ""
        row = (number, memory["content"], beside)
        database.execute("INSERT INTO memory (rowid, content, beside) VALUES (?, ?, ?)", row)
    return database


def found_by(database):
    def found(query):
        words = re.findall(r"\w+", query)
        match = " OR ".join(f'"{word}"' for word in words)
        rows = database.execute("SELECT rowid FROM memory WHERE memory MATCH ? ORDER BY rank, rowid DESC", (match,))
        return [row for (row,) in rows]

    return found


def measure(found, queries):
    """Returns hit@1, hit@5 and MRR of the numbers of memories that `found` gives for a query, and its seconds."""
    first, five, reciprocal, times = [], [], [], []
    for query in queries:
        began = time.perf_counter()
        rows = found(query["query"])
        times.append(time.perf_counter() - began)
        answers = {one["memory"] for one in query["relevant"] if one["grade"] == 2}
        rank = next((place for place, row in enumerate(rows, 1) if row in answers), None)
        first.append(rank == 1)
        five.append(rank is not None and rank <= 5)
        reciprocal.append(1 / rank if rank else 0)
    return [statistics.mean(values) for values in (first, five, reciprocal)], statistics.median(times)


def of_setting(setting, is_held_out):
    """Returns the numbered memories of a setting, and its queries: the third that is held out, or the others."""
    memories = list(enumerate(lines("memories.jsonl"), 1))
    own = [(number, one) for number, one in memories if (one["domain"] == "conversation") == (setting == "conversation")]
    queries = lines("queries.jsonl")
    return own, [one for one in queries if one["setting"] == setting and one["held_out"] == is_held_out]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--held-out", action="store_true", help="the third of the queries that nothing was tuned with")
    options = parser.parse_args()
    print(f"{'':<24}{'setting':<14}queries  hit@1  hit@5    MRR")
    for name, with_metadata in [("content", False), ("content and metadata", True)]:
        for setting in ["facts", "conversation"]:
            memories, queries = of_setting(setting, options.held_out)
            (first, five, reciprocal), median = measure(found_by(index(memories, with_metadata)), queries)
            print(f"{name:<24}{setting:<14}{len(queries):>7}  {first:>5.3f}  {five:>5.3f}  {reciprocal:>5.3f}")
            print(f"  median of a query: {median * 1e6:.0f} µs", file=sys.stderr)


if __name__ == "__main__":
    main()
