// Does a backend's work with the client of openapi-generator's typescript-fetch.

import type { ChangedDocument } from "./generated";
import { Configuration, MemoriesApi, MemoryChangeTypeEnum, MemoryCreateTypeEnum, ResponseError } from "./generated";
import type { One, Told } from "./work";
import { before1970, cursor, faulty, later, laterTimestamp, memory, timestamp, words, work } from "./work";

async function send(url: string, { repository_id, memory_type, ...given }: typeof memory, instant: string) {
  const attributes = { ...given, repositoryId: repository_id, memoryType: memory_type, timestamp: new Date(instant) };
  const api = new MemoriesApi(new Configuration({ basePath: url }));
  const memoryCreateDocument = { data: { type: MemoryCreateTypeEnum.Memories, attributes } };
  return (await api.storeMemory({ memoryCreateDocument })).data;
}

// The client gives its user the response of a failure, not the document.
async function failure(url: string, given: typeof memory, instant: string): Promise<string> {
  try {
    await send(url, given, instant);
  } catch (error) {
    if (error instanceof ResponseError) return words((await error.response.json()).errors);
    throw error;
  }
  throw new Error("nothing was refused");
}

async function recall(url: string, id: string) {
  await send(url, later, laterTimestamp);
  const api = new MemoriesApi(new Configuration({ basePath: url }));
  const scope = { filterRepositoryId: memory.repository_id };
  const found = await api.searchMemories({ ...scope, filterQuery: "mornings" });
  const newest = await api.listMemories({ ...scope, pageLimit: 1 });
  const oldest = await api.listMemories({ ...scope, pageLimit: 1, pageAfter: cursor(url, newest.links?.next) });
  const got = await api.getMemory({ ...scope, id });
  return {
    found: found.data.map((hit) => hit.id),
    listed: [...newest.data, ...oldest.data].map((memory) => memory.attributes.content),
    got: got.data.attributes.content,
  };
}

function one(url: string, id: string): One {
  const api = new MemoriesApi(new Configuration({ basePath: url }));
  const of = { id, filterRepositoryId: memory.repository_id };
  const told = async (call: Promise<{ raw: Response; value(): Promise<unknown> }>): Promise<Told> => {
    try {
      const answer = await call;
      const { meta } = (await answer.value()) as ChangedDocument;
      return [meta.status, answer.raw.headers.get("etag")];
    } catch (error) {
      if (error instanceof ResponseError) return [`${error.response.status}`, error.response.headers.get("etag")];
      throw error;
    }
  };
  return {
    patch: (status, tag) => {
      const data = { id, type: MemoryChangeTypeEnum.Memories, attributes: { status } };
      const asked = { ...of, memoryChangeDocument: { data, meta: { reason: "Checked." } } };
      return told(api.changeMemoryRaw({ ...asked, ...(tag ? { ifMatch: tag } : {}) }));
    },
    remove: () => told(api.deleteMemoryRaw(of)),
    get: () => told(api.getMemoryRaw(of)),
  };
}

void work(
  async (url) => {
    const { id, meta } = await send(url, memory, timestamp);
    return { id, s3_key: meta.s3Key };
  },
  (url) => failure(url, faulty, before1970),
  (url) => failure(url, memory, timestamp),
  recall,
  one,
);
