"""Logs in with the OAuthClientProvider of the official Python client, of either major version, and appends a memory.

usage: login_client.py URL [TOKEN]

It begins with TOKEN, which it kept from an earlier login, if there is one. Prints the receipt as one line of JSON. The browser is tests/peers/browser.py.
"""

import asyncio
import json
import sys
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

from browser import log_in
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata, OAuthToken

URL, *KEPT = sys.argv[1:]
CALLBACK = "http://127.0.0.1:1/callback"
MEMORY = {"entity_id": "rob", "domain": "user", "content": "Rob logged in.", "timestamp": "2026-01-27T03:14:22Z"}
IS_FIRST = version("mcp").startswith("1.")


class Kept:
    """The client and its tokens, in memory."""

    def __init__(self):
        self.tokens = OAuthToken(access_token=KEPT[0]) if KEPT else None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


def provider():
    arrived = {}

    async def open_browser(url):
        arrived.update({name: values[0] for name, values in parse_qs(urlsplit(await asyncio.to_thread(log_in, url, CALLBACK)).query).items()})

    async def code():
        if IS_FIRST:
            return arrived["code"], arrived["state"]
        from mcp.shared.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(code=arrived["code"], state=arrived["state"], iss=arrived.get("iss"))

    metadata = OAuthClientMetadata(client_name="test", redirect_uris=[CALLBACK], grant_types=["authorization_code", "refresh_token"],
                                   response_types=["code"], token_endpoint_auth_method="none")
    return OAuthClientProvider(URL, metadata, Kept(), redirect_handler=open_browser, callback_handler=code)


async def main():
    if IS_FIRST:
        import httpx
    else:
        import httpx2 as httpx
    from mcp import ClientSession

    async with httpx.AsyncClient(auth=provider(), follow_redirects=True) as client:
        async with streamable_http_client(URL, http_client=client) as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            stored = await session.call_tool("append_memory", MEMORY)
    print(stored.content[0].text)


asyncio.run(main())
