// Does an agent's work with the official TypeScript clients.
//
// usage: node mcp_client.mjs sdk|client|client-auto FOLDER URL
//        node mcp_client.mjs sdk|client|client-auto FOLDER COMMAND ARGUMENT...
//
// FOLDER contains node_modules. `sdk` is @modelcontextprotocol/sdk 1.x. `client` is @modelcontextprotocol/client 2.x,
// which starts with `initialize` unless it is set to negotiate the version (`client-auto`). Lists the tools, appends a
// memory, appends one that is refused, finds the first again, forgets it, searches once more, and prints the results as
// one line of JSON.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [flavour, folder, target, ...args] = process.argv.slice(2);
const installed = createRequire(join(folder, "package.json"));
const load = async (name) => import(pathToFileURL(installed.resolve(name)));

const memory = {
  entity_id: "rob",
  domain: "work",
  content: "Rob prefers mornings. „☃“",
  timestamp: "2026-01-27T03:14:22Z",
  metadata: { tags: ["habit"], confidence: 0.9 },
};

async function library() {
  if (flavour === "sdk") {
    const name = "@modelcontextprotocol/sdk/client";
    const { Client } = await load(`${name}/index.js`);
    const { StdioClientTransport } = await load(`${name}/stdio.js`);
    const { StreamableHTTPClientTransport } = await load(`${name}/streamableHttp.js`);
    return { Client, StdioClientTransport, StreamableHTTPClientTransport };
  }
  const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
  const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");
  return { Client, StdioClientTransport, StreamableHTTPClientTransport };
}

const { Client, StdioClientTransport, StreamableHTTPClientTransport } = await library();
const transport = target.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(target))
  : new StdioClientTransport({ command: target, args });
const options = flavour === "client-auto" ? { versionNegotiation: { mode: "auto" } } : {};
const client = new Client({ name: "test", version: "1" }, options);
await client.connect(transport);
const { tools } = await client.listTools();
const stored = await client.callTool({ name: "append_memory", arguments: memory });
const refused = await client.callTool({ name: "append_memory", arguments: { ...memory, content: " " } });
const of = { domain: "work", entity_id: "rob" };
const told = async (name, args) =>
  JSON.parse((await client.callTool({ name, arguments: { ...of, ...args } })).content[0].text);
const found = await told("search_memory", { query: "mornings" });
const { memory_id } = JSON.parse(stored.content[0].text);
const forgotten = await told("forget_memory", { memory_id, reason: "Rob asked for it." });
const found_after = await told("search_memory", { query: "mornings" });
const seen = {
  version: client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion ?? null,
  tool: tools[0].name,
  receipt: stored.structuredContent,
  is_error: stored.isError ?? false,
  refused_is_error: refused.isError,
  refused_text: refused.content[0].text,
  found,
  forgotten,
  found_after,
};
await client.close();
console.log(JSON.stringify(seen));
