// Does a backend's work with openapi-fetch and the types of openapi-typescript.

import createClient from "openapi-fetch";

import type { paths } from "./document";
import type { One, Told } from "./work";
import { before1970, cursor, faulty, later, laterTimestamp, memory, timestamp, words, work } from "./work";

// Without this setting it declares every body as application/json, whatever the document says.
const headers = { Accept: "application/vnd.api+json", "Content-Type": "application/vnd.api+json" };

const send = (baseUrl: string, given: typeof memory, instant: string) =>
  createClient<paths>({ baseUrl, headers }).POST("/memory", {
    body: { data: { type: "memories", attributes: { ...given, timestamp: instant } } },
  });

async function failure(url: string, given: typeof memory, instant: string): Promise<string> {
  const { error } = await send(url, given, instant);
  if (!error) throw new Error("nothing was refused");
  return words(error.errors);
}

async function recall(url: string, id: string) {
  await send(url, later, laterTimestamp);
  const api = createClient<paths>({ baseUrl: url, headers: { Accept: headers.Accept } });
  const scope = { "filter[repository_id]": memory.repository_id };
  const list = (query: object) => api.GET("/memories", { params: { query: { ...scope, "page[limit]": 1, ...query } } });
  const found = await api.GET("/memory/search", { params: { query: { ...scope, "filter[query]": "mornings" } } });
  const newest = await list({});
  const oldest = await list({ "page[after]": cursor(url, newest.data?.links?.next) });
  const got = await api.GET("/memory/{id}", { params: { path: { id }, query: scope } });
  if (!found.data || !newest.data || !oldest.data || !got.data) throw new Error("nothing was read");
  return {
    found: found.data.data.map((hit) => hit.id),
    listed: [...newest.data.data, ...oldest.data.data].map((memory) => memory.attributes.content),
    got: got.data.data.attributes.content,
  };
}

function one(url: string, id: string): One {
  const api = createClient<paths>({ baseUrl: url, headers });
  const of = { path: { id }, query: { "filter[repository_id]": memory.repository_id } };
  const told = (response: Response, status: string | undefined): Told => [
    status ?? `${response.status}`,
    response.headers.get("etag"),
  ];
  return {
    patch: async (status, tag) => {
      const { data, response } = await api.PATCH("/memory/{id}", {
        params: { ...of, header: tag ? { "If-Match": tag } : {} },
        body: { data: { type: "memories", id, attributes: { status } }, meta: { reason: "Checked." } },
      });
      return told(response, data?.meta.status);
    },
    remove: async () => {
      const { data, response } = await api.DELETE("/memory/{id}", { params: of });
      return told(response, data?.meta.status);
    },
    get: async () => {
      const { data, response } = await api.GET("/memory/{id}", { params: of });
      return told(response, data?.data.attributes.status);
    },
  };
}

void work(
  async (url) => {
    const { data } = await send(url, memory, timestamp);
    if (!data) throw new Error("nothing was stored");
    return { id: data.data.id, s3_key: data.data.meta.s3_key };
  },
  (url) => failure(url, faulty, before1970),
  (url) => failure(url, memory, timestamp),
  recall,
  one,
);
