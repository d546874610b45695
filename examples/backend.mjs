// A backend that remembers decisions. Node 20, no packages.
//
//   MEMORY_URL=http://127.0.0.1:8080 PORT=3000 node examples/backend.mjs
//   curl http://127.0.0.1:3000/decisions -d '{"repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
//     "decision":"Round half up.","decided_at":"2026-01-19T14:00:00Z"}'
//
// MEMORY_API_KEY is sent where it is set.

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

const { MEMORY_URL = "http://127.0.0.1:8080", MEMORY_API_KEY, PORT = "3000" } = process.env;
const MEDIA_TYPE = "application/vnd.api+json";
// A repeat may help after these, and after no answer at all.
const PASSING = new Set([429, 502, 503, 504]);
const ATTEMPTS = 5;
// Longer than the service takes for its own answer.
const ATTEMPT_MS = 15_000;

/** Why a memory was not stored, or is not known to be. */
class NotRemembered extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.detail).join(" "));
    this.status = status;
  }
}

/** Stores one memory; resolves to its resource when it is durable. */
export async function remember(attributes) {
  // The timestamp is chosen before the first attempt and never after it. With it every attempt is the same memory, which is
  // stored once, even if an answer was lost.
  const timestamp = attributes.timestamp ?? new Date().toISOString();
  const body = JSON.stringify({ data: { type: "memories", attributes: { ...attributes, timestamp } } });
  const headers = { "Content-Type": MEDIA_TYPE, Accept: MEDIA_TYPE };
  if (MEMORY_API_KEY) headers["x-api-key"] = MEMORY_API_KEY;
  for (let attempt = 1; ; attempt++) {
    // A full jitter: clients that failed together do not come back together.
    let wait = Math.random() * 250 * 2 ** attempt;
    let failure;
    try {
      const signal = AbortSignal.timeout(ATTEMPT_MS);
      const answer = await fetch(`${MEMORY_URL}/memory`, { method: "POST", headers, body, signal });
      if (answer.status === 201) return (await answer.json()).data;
      wait += 1000 * (Number(answer.headers.get("Retry-After")) || 0);
      const document = await answer.json().catch(() => ({}));
      // A gateway before the service may word its refusals otherwise.
      failure = new NotRemembered(answer.status, document.errors ?? [{ detail: `The answer was ${answer.status}.` }]);
    } catch (error) {
      failure = new NotRemembered(504, [{ detail: `No answer: ${error.cause?.message ?? error.message}.` }]);
    }
    if (!PASSING.has(failure.status) || attempt === ATTEMPTS) throw failure;
    await sleep(wait);
  }
}

async function decide(request) {
  const { repository_id, decision, decided_at } = JSON.parse(await text(request));
  // Whoever repeats this request sends its `decided_at` again, and so it is one memory from end to end.
  return remember({ repository_id, content: decision, memory_type: "decision_log", timestamp: decided_at });
}

const server = createServer(async (request, response) => {
  const answer = (status, value) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  if (request.method !== "POST" || request.url !== "/decisions") return answer(404, { error: "POST /decisions" });
  try {
    const memory = await decide(request);
    answer(201, { memory_id: memory.id });
  } catch (error) {
    // What else the memory service refuses, a key for one, is no fault of our caller's.
    const status = !(error instanceof NotRemembered) ? 400 : error.status === 422 ? 422 : 503;
    answer(status, { error: error.message });
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
// A platform that restarts the backend lets the requests in flight end.
process.on("SIGTERM", () => server.close());
