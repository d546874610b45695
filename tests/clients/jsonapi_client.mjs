// Does a backend's work with a JSON:API client.
//
// usage: node [-C unpkg-dev] jsonapi_client.mjs kitsu|devour|warp-drive FOLDER URL FAILING_URL
//
// FOLDER contains node_modules, and the service at FAILING_URL has no storage. Stores a memory, stores it again, sends
// a memory with two faults, and sends one to the service without storage. Prints the results as one line of JSON. For a
// refusal it prints the text that the client gives to its user.

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

const clients = {
  async kitsu() {
    // Its entry for require() is a module, which Node refuses to load as a script.
    const { default: Kitsu } = await import(pathToFileURL(join(folder, "node_modules/kitsu/dist/index.mjs")));
    const create = (baseURL, attributes) => new Kitsu({ baseURL, camelCaseTypes: false }).create("memories", attributes);
    const failure = async (...asked) => words((await refused(create(...asked))).response.data.errors);
    const [first, again] = [await create(url, memory), await create(url, memory)];
    return [first.data.id, first.data.meta.s3_key, again.data.id, await failure(url, faulty), await failure(failing, memory)];
  },

  // It stores errors under the last name of their pointer, and keeps only their text.
  async devour() {
    const JsonApi = installed("devour-client");
    const create = (apiUrl, attributes) => {
      const api = new JsonApi({ apiUrl, logger: false });
      const fields = Object.fromEntries(Object.keys(memory).map((name) => [name, ""]));
      api.define("memory", { ...fields, status: "", created_at: "" }, { collectionPath: "memory", type: "memories" });
      return api.create("memory", attributes);
    };
    const failure = async (...asked) =>
      Object.values(await refused(create(...asked))).map((error) => error.detail).join(" ");
    const [first, again] = [await create(url, memory), await create(url, memory)];
    return [first.data.id, first.data.meta?.s3_key ?? null, again.data.id, await failure(url, faulty), await failure(failing, memory)];
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
    const fields = ["status", "created_at"].map((name) => ({ kind: "field", name }));
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
    const told = [first.id, key, again.id, await failure(url, faulty), await failure(failing, memory)];
    if (complaints.length) throw new Error(complaints.join("\n"));
    store.cache.put({ request: {}, response: {}, content: { ...document, s3_key: key } });
    if (!complaints.length) throw new Error("the cache accepts any document");
    return told;
  },
};

const [id, s3_key, repeated, fault, failure] = await clients[client]();
process.stdout.write(JSON.stringify({ id, s3_key, repeated, refused: fault, failed: failure }) + "\n");
