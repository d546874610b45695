"""Does an agent's work with the official Python client, of either major version.

usage: mcp_client.py auto|legacy URL
       mcp_client.py auto|legacy COMMAND ARGUMENT...

Lists the tools, appends a memory, appends one that is refused, finds the first again, forgets it, searches once more,
and prints the results as one line of JSON. Version 1 knows only the older protocol versions, which start with
`initialize`. Before 1.10 it reads a result only as text.
"""

import asyncio
import json
import sys
from importlib.metadata import version

MEMORY = {
    "entity_id": "rob",
    "domain": "work",
    "content": "Rob prefers mornings. „☃“",
    "timestamp": "2026-01-27T03:14:22Z",
    "metadata": {"tags": ["habit"], "confidence": 0.90},
}
MODE, *TARGET = sys.argv[1:]


def parameters():
    from mcp import StdioServerParameters

    return StdioServerParameters(command=TARGET[0], args=TARGET[1:])


def is_url():
    return TARGET[0].startswith("http")


async def work(session):
    tools = (await session.list_tools()).tools
    stored = await session.call_tool("append_memory", MEMORY)
    refused = await session.call_tool("append_memory", {"entity_id": "rob", "domain": "work", "content": " "})

    async def told(name, **arguments):
        result = await session.call_tool(name, {"domain": "work", "entity_id": "rob", **arguments})
        return json.loads(result.content[0].text)

    found = await told("search_memory", query="mornings")
    memory_id = json.loads(stored.content[0].text)["memory_id"]
    forgotten = await told("forget_memory", memory_id=memory_id, reason="Rob asked for it.")
    return tools, stored, refused, (found, forgotten, await told("search_memory", query="mornings"))


async def second():
    from mcp import Client

    async with Client(TARGET[0] if is_url() else parameters(), mode=MODE) as client:
        tools, stored, refused, found = await work(client)
        seen = client.protocol_version
    receipt = stored.structured_content
    return seen, tools[0].name, receipt, stored.is_error, refused.is_error, refused.content[0].text, *found


async def first():
    from mcp import ClientSession
    from mcp.client.stdio import stdio_client
    import mcp.client.streamable_http as http

    # The name before 1.24.
    over_http = getattr(http, "streamable_http_client", None) or http.streamablehttp_client
    transport = over_http(TARGET[0]) if is_url() else stdio_client(parameters())
    async with transport as (read, write, *_), ClientSession(read, write) as session:
        seen = (await session.initialize()).protocolVersion
        await session.send_ping()
        tools, stored, refused, found = await work(session)
    receipt = json.loads(stored.content[0].text)
    assert getattr(stored, "structuredContent", receipt) == receipt
    return seen, tools[0].name, receipt, stored.isError, refused.isError, refused.content[0].text, *found


names = ("version", "tool", "receipt", "is_error", "refused_is_error", "refused_text", "found", "forgotten", "found_after")
seen = asyncio.run(first() if version("mcp").startswith("1.") else second())
print(json.dumps(dict(zip(names, seen))))
