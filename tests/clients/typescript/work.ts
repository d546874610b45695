// A backend's work, for every client that is generated from the view jsonapi.json.

export const memory = {
  content: "Rob prefers mornings. „☃“",
  repository_id: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
  memory_type: "habit",
  tags: ["a", "b"],
};
export const timestamp = "2026-01-27T03:14:22Z";
export const later = { ...memory, content: "Rob drinks tea." };
export const laterTimestamp = "2026-01-28T03:14:22Z";
export const faulty = { ...memory, memory_type: "é".repeat(76) };
export const before1970 = "1969-12-31T00:00:00Z";

export interface Stored {
  id: string;
  s3_key: string;
}

/** What was found, listed in pages of one, and got. */
export interface Recalled {
  found: string[];
  listed: string[];
  got: string;
}

/** A status, or the HTTP status of a refusal, and the tag of the state that was seen. */
export type Told = [word: string, tag: string | null];

/** The three calls about one memory. */
export interface One {
  patch(status: "unverified" | "verified" | "locked", tag?: string | null): Promise<Told>;
  remove(): Promise<Told>;
  get(): Promise<Told>;
}

/** Takes a memory through its life. */
async function life({ patch, remove, get }: One): Promise<string[]> {
  const [verified, locked] = [await patch("verified"), await patch("locked")];
  const refused = [await remove(), await patch("verified"), await patch("verified", '"0-1j"')];
  const unlocked = await patch("verified", locked[1]);
  const [deleted, gone] = [await remove(), await get()];
  const restored = await patch("unverified", gone[1]);
  return [verified, locked, ...refused, unlocked, deleted, gone, restored].map(([word]) => word);
}

interface Fault {
  code: string;
  detail: string;
}

export const words = (errors: Fault[]): string => errors.map((error) => `${error.code} ${error.detail}`).join(" ");

/** The cursor of the next page: `links.next` is a reference. */
export const cursor = (url: string, next: string | undefined): string =>
  new URL(next ?? "", url).searchParams.get("page[after]") ?? "";

/** Does the work, and prints its results, as jsonapi_client.mjs does. */
export async function work(
  store: (url: string) => Promise<Stored>,
  refused: (url: string) => Promise<string>,
  failed: (url: string) => Promise<string>,
  recall: (url: string, id: string) => Promise<Recalled>,
  one: (url: string, id: string) => One,
): Promise<void> {
  const [url, failing] = process.argv.slice(2) as [string, string];
  const [first, again] = [await store(url), await store(url)];
  const failures = { refused: await refused(url), failed: await failed(failing) };
  const recalled = await recall(url, first.id);
  const changed = await life(one(url, first.id));
  console.log(JSON.stringify({ ...first, repeated: again.id, ...failures, ...recalled, changed }));
}
