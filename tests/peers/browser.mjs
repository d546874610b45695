// Opens pages in headless Chromium and has them call a service of this machine.
//
// usage: node browser.mjs FOLDER JOB
//
// FOLDER contains node_modules with playwright-core. JOB is JSON: `service`, the URL of the service; `paths` and
// `bodies`, of what the pages ask for; and `work`: `attack`, from fewer places if `is_brief`, or `use`, by a `page` of a
// named origin (`friend`) or of the service. Prints one line of JSON: for each page what it
// could read, and the requests that reached the service with the status and the body of each response.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [folder, given] = process.argv.slice(2);
const job = JSON.parse(given);
const { chromium } = createRequire(join(folder, "package.json"))("playwright-core");
const programs = process.env.PATH.split(":").map((folder) => join(folder, "chromium"));
const executablePath = programs.find(existsSync);
if (!executablePath) throw new Error("Chromium is missing (Debian: apt-get install chromium)");
const here = dirname(fileURLToPath(import.meta.url));

let requests = [];

/// Hands a request on to the service as it is, and notes it with the response.
function pass(request, body, answer) {
  const { method, url, rawHeaders, headers } = request;
  const onward = http.request(job.service + url, { method, headers: rawHeaders, agent: false }, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => {
      const bytes = Buffer.concat(chunks);
      const by = new URL(url, job.service).searchParams.get("x-by");
      const { origin = null, host, "sec-fetch-site": site = null } = headers;
      requests.push({ by, method, url, host, origin, site, status: response.statusCode, body: `${bytes}` });
      answer(response, bytes);
    });
  });
  onward.on("error", () => answer(null, Buffer.from("")));
  onward.end(body);
}

async function tap(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  pass(request, Buffer.concat(chunks), (answer, bytes) => {
    if (answer) response.writeHead(answer.statusCode, answer.rawHeaders);
    response.end(bytes);
  });
}

const SERVICE_WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("message", async ({ data, ports }) => {
    const all = [...data.reads.map((url) => [url, {}]), ...data.reads.map((url) => [url, { mode: "no-cors" }]),
      [data.writes, { method: "POST", mode: "no-cors", body: data.body }]];
    const read = ([url, options]) => fetch(url, options).then((response) => response.text()).catch(String);
    ports[0].postMessage((await Promise.all(all.map(read))).join());
  });`;

/// Where rebound.test leads to: first to the pages, then to the service.
let is_rebound = false;

function pages(request, response) {
  if (is_rebound && request.headers.host === "rebound.test") return tap(request, response);
  const [path, query] = request.url.split(/\?(.*)/s);
  if (path === "/redirect") {
    const origin = request.headers.origin ?? "*";
    return response.writeHead(307, { location: query, "access-control-allow-origin": origin }).end();
  }
  const type = path.endsWith(".js") ? "text/javascript" : "text/html";
  return response.writeHead(200, { "content-type": type }).end(type === "text/html" ? PAGE : SERVICE_WORKER);
}

const EMPTY = "<!doctype html><title>page</title><body>";
const PAGE = `${EMPTY}<iframe sandbox="allow-scripts allow-forms allow-popups" srcdoc="${EMPTY}"></iframe>`;

/// The port of a server on a free port, on both loopback addresses.
async function listen(handler, port = 0, address = "127.0.0.1") {
  const server = http.createServer(handler);
  await new Promise((done) => server.listen(port, address, done));
  if (handler === tap) {
    server.on("upgrade", (request, socket) => pass(request, "", (_, bytes) => socket.end(bytes)));
  }
  return server.address().port;
}

const tapped = await listen(tap);
await listen(tap, tapped, "::1");
const served = await listen(pages);
// A page has these origins at the port 80, so that no origin depends on a free port.
const names = ["evil.test:80", "friend.test:80", "friend.test:8081", "rebound.test:80"];
const rules = [...names.map((name) => `MAP ${name} 127.0.0.1:${served}`), "MAP service.test 127.0.0.1"];
const browser = await chromium.launch({
  executablePath,
  args: [
    // The superuser may not use the sandbox, and a container has none.
    "--no-sandbox",
    // The browser's own check, of pages of the internet, would hide ours.
    "--disable-features=LocalNetworkAccessChecks",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--host-resolver-rules=${rules.join()}`,
  ],
});

const LOCAL = `http://127.0.0.1:${tapped}`;
/// The service by every name that leads to it.
const NAMES = [
  LOCAL,
  `http://localhost:${tapped}`,
  `http://[::1]:${tapped}`,
  `http://0.0.0.0:${tapped}`,
  `http://name.localhost:${tapped}`,
  `http://service.test:${tapped}`,
];

/// Waits until no request has come for a while.
async function quiet() {
  for (let before = -1; before !== requests.length; ) {
    before = requests.length;
    await new Promise((done) => setTimeout(done, 300));
  }
}

async function attack() {
  const script = await readFile(join(here, "hostile_page.js"), "utf8");
  const file = join(job.scratch, "page.html");
  await writeFile(file, EMPTY);
  const evil = "http://evil.test";
  const neighbour = `http://localhost:${served}`;
  const rebound = "http://rebound.test";
  const places = [
    ...NAMES.map((service) => ({ page: "foreign", url: evil, service })),
    { page: "near a named one", url: "http://friend.test:8081", service: LOCAL },
    { page: "neighbour", url: neighbour, service: LOCAL },
    { page: "neighbour", url: neighbour, service: NAMES[1] },
    { page: "sandboxed", url: evil, is_framed: true, service: LOCAL },
    { page: "data", url: `data:text/html,${EMPTY}`, service: LOCAL },
    { page: "file", url: `file://${file}`, service: LOCAL },
    { page: "rebound", url: rebound, service: rebound },
  ].filter(({ service }) => !job.is_brief || service === LOCAL || service === rebound);
  const seen = [];
  for (const { page, url, is_framed, service } of places) {
    requests = [];
    const context = await browser.newContext();
    const opened = await context.newPage();
    // What the service's own page has read lies in the browser's cache.
    const local = NAMES.slice(0, 3).includes(service) ? service : LOCAL;
    await opened.goto(`${local}/health`);
    const cached = ["fetch, no cors, cached", "fetch, cors, cached"];
    const urls = cached.map((by) => `${local}${job.paths.get}&x-by=${encodeURIComponent(by)}`);
    await opened.evaluate((urls) => Promise.all(urls.map((url) => fetch(url))), urls);
    await opened.goto(url);
    is_rebound = page === "rebound";
    requests.splice(0);
    const at = is_framed ? opened.frames()[1] : opened;
    const own = page === "neighbour" ? neighbour : evil;
    const asked = { service, own, paths: job.paths, bodies: job.bodies };
    const attempts = await at.evaluate(`${script}; attack(${JSON.stringify(asked)})`);
    // The page leads its user there.
    const target = `${service}${job.paths.search}&x-by=navigation`;
    await at.evaluate((target) => {
      const link = document.createElement("a");
      Object.assign(link, { href: target, id: "link", target: "_blank", textContent: "open" });
      document.body.prepend(link);
    }, target);
    const [popup] = await Promise.all([context.waitForEvent("page"), at.click("#link")]);
    await popup.waitForLoadState();
    await quiet();
    await context.close();
    is_rebound = false;
    seen.push({ page, service: service.replace(tapped, "PORT"), attempts, requests });
  }
  return seen;
}

/// What pages that may read do, in the page.
async function use_in_page({ service, paths, bodies }) {
  const call = async (path, options = {}) => {
    try {
      const response = await fetch(service + path, options);
      return { status: response.status, etag: response.headers.get("etag"), text: await response.text() };
    } catch (error) {
      return { status: 0, etag: null, text: `${error}` };
    }
  };
  const tool = (body) => call("/mcp", { method: "POST", headers: { "content-type": "application/json" }, body });
  const found = await call(paths.search);
  const listed = await call(paths.list);
  const got = await call(paths.get);
  const unchanged = await call(paths.get, { headers: { "if-none-match": got.etag } });
  const with_credentials = await call(paths.search, { credentials: "include" });
  const tools = await tool(bodies.tools);
  const searched = await tool(bodies.search);
  const headers = { "content-type": "application/vnd.api+json", "if-match": got.etag };
  const verified = await call(paths.get, { method: "PATCH", headers, body: bodies.patch });
  const too_late = await call(paths.get, { method: "DELETE", headers: { "if-match": got.etag } });
  const deleted = await call(paths.get, { method: "DELETE", headers: { "if-match": verified.etag } });
  const gone = await call(paths.get);
  return { found, listed, got, unchanged, with_credentials, tools, searched, verified, too_late, deleted, gone };
}

async function use() {
  const page = await browser.newPage();
  const asked = { service: LOCAL, paths: job.paths, bodies: job.bodies };
  if (job.page === "friend") {
    await page.goto("http://friend.test");
    return page.evaluate(use_in_page, asked);
  }
  // The address bar.
  const response = await page.goto(LOCAL + job.paths.search);
  const typed = { status: response.status(), text: await page.innerText("body"), title: await page.title() };
  return { typed, ...(await page.evaluate(use_in_page, asked)) };
}

const done = await (job.work === "attack" ? attack() : use());
console.log(JSON.stringify(done));
await browser.close();
process.exit();
