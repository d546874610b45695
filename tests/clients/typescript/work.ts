// A backend's work, for every client that is generated from the view jsonapi.json.

export const memory = {
  content: "Rob prefers mornings. „☃“",
  repository_id: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
  memory_type: "habit",
  tags: ["a", "b"],
};
export const timestamp = "2026-01-27T03:14:22Z";
export const faulty = { ...memory, memory_type: "é".repeat(76) };
export const before1970 = "1969-12-31T00:00:00Z";

export interface Stored {
  id: string;
  s3_key: string;
}

interface Fault {
  code: string;
  detail: string;
}

export const words = (errors: Fault[]): string => errors.map((error) => `${error.code} ${error.detail}`).join(" ");

/** Does the work, and prints its results, as jsonapi_client.mjs does. */
export async function work(
  store: (url: string) => Promise<Stored>,
  refused: (url: string) => Promise<string>,
  failed: (url: string) => Promise<string>,
): Promise<void> {
  const [url, failing] = process.argv.slice(2) as [string, string];
  const [first, again] = [await store(url), await store(url)];
  const seen = { ...first, repeated: again.id, refused: await refused(url), failed: await failed(failing) };
  console.log(JSON.stringify(seen));
}
