// Does a backend's work with a JSON:API client.
//
// usage: node [-C unpkg-dev] jsonapi_client.mjs kitsu|devour|warp-drive FOLDER URL FAILING_URL
//
// FOLDER contains node_modules, and the service at FAILING_URL has no storage. Stores a memory, stores it again, sends
// a memory with two faults, and sends one to the service without storage. Stores a later memory, searches for the first
// one, lists both in pages of one, and gets the first one. Prints the results as one line of JSON. For a refusal it
// prints the text that the client gives to its user.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [client, folder, url, failing] = process.argv.slice(2);
const installed = createRequire(join(folder, "package.json"));

const memory = {
  content: "Rob prefers mornings. „☃“",
  repository_id: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
  memory_type: "habit",
  tags: ["a", "b"],
  timestamp: "2026-01-27T03:14:22Z",
};
const later = { ...memory, content: "Rob drinks tea.", timestamp: "2026-01-28T03:14:22Z" };
const scope = { repository_id: memory.repository_id };
const search = { filter: { ...scope, query: "mornings" } };
const page = { filter: scope, page: { limit: 1 } };
const faulty = { repository_id: "42", tags: ["a"] };
const words = (errors) => errors.map((error) => `${error.code} ${error.detail}`).join(" ");
const refused = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
};

// `links.next` is a reference: it is resolved against the URL of the page.
const cursor = (links) => new URL(links.next, url).searchParams.get("page[after]");
const after = (links) => ({ ...page, page: { ...page.page, after: cursor(links) } });

// The statuses that a client gives a memory, and the HTTP statuses of what it must not do. Each call returns one of
// them, and the tag of the state that it saw.
async function life({ patch, remove, get }) {
  const [verified, locked] = [await patch("verified"), await patch("locked")];
  const refused = [await remove(), await patch("verified"), await patch("verified", '"0-1j"')];
  const unlocked = await patch("verified", locked[1]);
  const [deleted, gone] = [await remove(), await get()];
  const restored = await patch("unverified", deleted[1]);
  return [verified, locked, ...refused, unlocked, deleted, gone, restored].map(([word]) => word);
}

const clients = {
  async kitsu() {
    // Its entry for require() is a module, which Node refuses to load as a script.
    const { default: Kitsu } = await import(pathToFileURL(join(folder, "node_modules/kitsu/dist/index.mjs")));
    const create = (baseURL, attributes) => new Kitsu({ baseURL, camelCaseTypes: false }).create("memories", attributes);
    const failure = async (...asked) => words((await refused(create(...asked))).response.data.errors);
    const [first, again] = [await create(url, memory), await create(url, memory)];
    const api = new Kitsu({ baseURL: url, camelCaseTypes: false });
    const read = (path, params) => api.get(path, { params });
    await create(url, later);
    const found = await read("memories/search", search);
    const newest = await read("memories", page);
    const oldest = await read("memories", after(newest.links));
    const { id } = first.data;
    const got = await read(`memories/${id}`, { filter: scope });
    const told = async (call) => {
      try {
        const { meta, headers } = await call;
        return [meta.status, headers.etag];
      } catch ({ response }) {
        return [`${response.status}`, response.headers.etag];
      }
    };
    const params = { filter: scope };
    const changed = await life({
      patch: (status, tag) =>
        told(api.patch("memories", { id, status }, { params, headers: tag ? { "If-Match": tag } : {} })),
      remove: () => told(api.delete("memories", id, { params })),
      get: () => told(api.get(`memories/${id}`, { params })),
    });
    return {
      changed,
      id: first.data.id,
      s3_key: first.data.meta.s3_key,
      repeated: again.data.id,
      refused: await failure(url, faulty),
      failed: await failure(failing, memory),
      found: found.data.map(({ id }) => id),
      listed: [...newest.data, ...oldest.data].map(({ content }) => content),
      got: got.data.content,
    };
  },

  // It stores errors under the last name of their pointer, and keeps only their text.
  async devour() {
    const JsonApi = installed("devour-client");
    const connect = (apiUrl) => {
      const api = new JsonApi({ apiUrl, logger: false });
      const fields = Object.fromEntries(Object.keys(memory).map((name) => [name, ""]));
      api.define("memory", { ...fields, status: "", created_at: "" }, { collectionPath: "memory", type: "memories" });
      return api;
    };
    const create = (apiUrl, attributes) => connect(apiUrl).create("memory", attributes);
    const failure = async (...asked) =>
      Object.values(await refused(create(...asked))).map((error) => error.detail).join(" ");
    const [first, again] = [await create(url, memory), await create(url, memory)];
    const api = connect(url);
    await create(url, later);
    const found = await api.one("memory", "search").get(search);
    const newest = await api.findAll("memory", page);
    const oldest = await api.findAll("memory", after(newest.links));
    const { id } = first.data;
    const got = await api.find("memory", id, { filter: scope });
    // It shows no header of a response, so the tag is made of the number in the receipt. Its errors have no status,
    // unless it is told to keep them whole. Its DELETE has no query, and sends a body.
    const whole = new JsonApi({ apiUrl: url, logger: false, errorBuilder: (error) => error });
    whole.define("memory", { status: "" }, { collectionPath: "memory", type: "memories" });
    const told = async (call) => {
      try {
        const { meta } = await call;
        return [meta.status, `"${meta.seq}-1j"`];
      } catch (errors) {
        return [Object.values(errors)[0].status];
      }
    };
    const changed = await life({
      patch: (status, tag) => {
        whole.headers = tag ? { "If-Match": tag } : {};
        return told(whole.update("memory", { id, status }, { filter: scope }, { reason: "Checked." }));
      },
      remove: () => {
        whole.headers = {};
        return told(whole.destroy("memory", id, {}, { reason: "Old.", ...scope }));
      },
      get: () => told(whole.find("memory", id, { filter: scope })),
    });
    return {
      changed,
      id: first.data.id,
      s3_key: first.data.meta?.s3_key ?? null,
      repeated: again.data.id,
      refused: await failure(url, faulty),
      failed: await failure(failing, memory),
      found: found.data.map(({ id }) => id),
      listed: [...newest.data, ...oldest.data].map(({ content }) => content),
      got: got.data.content,
    };
  },

  // The development build of its cache warns about every document that is not JSON:API.
  async "warp-drive"() {
    const load = (name) => import(pathToFileURL(installed.resolve(`@warp-drive/${name}`)));
    const { useRecommendedStore } = await load("core");
    const { setupSignals } = await load("core/configure");
    const { withDefaults } = await load("core/reactive");
    const { JSONAPICache } = await load("json-api");
    // Without a user interface nothing waits for changes.
    const nothing = () => {};
    setupSignals(() => ({
      createSignal: () => ({}),
      consumeSignal: nothing,
      notifySignal: nothing,
      createMemo: (_object, _name, make) => make,
      willSyncFlushWatchers: () => false,
    }));
    const complaints = [];
    for (const level of ["log", "warn", "error", "group", "groupCollapsed"]) {
      console[level] = (...said) => complaints.push(said.join(" "));
    }
    let document;
    const witness = {
      async request({ request }, next) {
        const answer = await next(request);
        document = answer.content;
        return answer;
      },
    };
    const names = [...Object.keys(memory), "status", "created_at", "scope_badge", "reliability_score", "metadata"];
    const fields = names.map((name) => ({ kind: "field", name }));
    const schemas = [withDefaults({ type: "memories", fields })];
    const store = new (useRecommendedStore({ cache: JSONAPICache, schemas, handlers: [witness] }))();
    const media = "application/vnd.api+json";
    const create = async (base, attributes) => {
      const headers = new Headers({ Accept: media, "Content-Type": media });
      const body = JSON.stringify({ data: { type: "memories", attributes } });
      return (await store.request({ url: `${base}/memory`, method: "POST", headers, body })).content.data;
    };
    const failure = async (...asked) => words((await refused(create(...asked))).content.errors);
    const first = await create(url, memory);
    const key = document.data.meta.s3_key;
    const again = await create(url, memory);
    const read = async (reference, base = url) => {
      const headers = new Headers({ Accept: media });
      const asked = { url: new URL(reference, base).href, method: "GET", headers };
      return (await store.request(asked)).content;
    };
    const query = (params) => {
      const pairs = Object.entries(params).flatMap(([family, members]) =>
        Object.entries(members).map(([name, value]) => [`${family}[${name}]`, value]),
      );
      return new URLSearchParams(pairs);
    };
    await create(url, later);
    const found = await read(`/memory/search?${query(search)}`);
    const newest = await read(`/memories?${query(page)}`);
    const oldest = await read(newest.links.next, `${url}/memories`);
    const hit = found.data[0];
    // What it gives is read from its cache, and the life of the memory changes that.
    const { content: got } = (await read(`/memory/${hit.id}?${query({ filter: scope })}`)).data;
    const ask = async (method, attributes, tag) => {
      const headers = new Headers({ Accept: media, ...(tag ? { "If-Match": tag } : {}) });
      const cacheOptions = { reload: true };
      const asked = { url: `${url}/memory/${hit.id}?${query({ filter: scope })}`, method, headers, cacheOptions };
      if (attributes) {
        headers.set("Content-Type", media);
        asked.body = JSON.stringify({ data: { type: "memories", id: hit.id, attributes } });
      }
      try {
        const { content, response } = await store.request(asked);
        return [content.meta.status, response.headers.get("etag")];
      } catch (error) {
        return [`${error.status}`, error.response?.headers.get("etag")];
      }
    };
    const changed = await life({
      patch: (status, tag) => ask("PATCH", { status }, tag),
      remove: () => ask("DELETE"),
      get: () => ask("GET"),
    });
    const told = {
      changed,
      id: first.id,
      s3_key: key,
      repeated: again.id,
      refused: await failure(url, faulty),
      failed: await failure(failing, memory),
      found: found.data.map(({ id }) => id),
      listed: [...newest.data, ...oldest.data].map(({ content }) => content),
      got,
    };
    if (complaints.length) throw new Error(complaints.join("\n"));
    store.cache.put({ request: {}, response: {}, content: { ...document, s3_key: key } });
    if (!complaints.length) throw new Error("the cache accepts any document");
    return told;
  },
};

process.stdout.write(JSON.stringify(await clients[client]()) + "\n");
