// Does a backend's work with openapi-fetch and the types of openapi-typescript.

import createClient from "openapi-fetch";

import type { paths } from "./document";
import { before1970, faulty, memory, timestamp, words, work } from "./work";

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

void work(
  async (url) => {
    const { data } = await send(url, memory, timestamp);
    if (!data) throw new Error("nothing was stored");
    return { id: data.data.id, s3_key: data.data.meta.s3_key };
  },
  (url) => failure(url, faulty, before1970),
  (url) => failure(url, memory, timestamp),
);
