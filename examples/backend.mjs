// A backend that remembers decisions. Node 20, no packages.
//
//   MEMORY_URL=http://127.0.0.1:8080 PORT=3000 node examples/backend.mjs
//   curl http://127.0.0.1:3000/decisions -d '{"repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
//     "decision":"Round half up.","decided_at":"2026-01-19T14:00:00Z"}'
//
// MEMORY_API_KEY is sent where it is set.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { MEMORY_URL = "http://127.0.0.1:8080", PORT = "3000" } = process.env;
const KEY = (process.env.MEMORY_API_KEY ?? "").trim();
if (!/^[!-~]*$/.test(KEY)) throw new Error("MEMORY_API_KEY has characters that no header may have.");
const MEDIA_TYPE = "application/vnd.api+json";
// A repeat may help after these.
const NO_ANSWER = 0;
const PASSING = new Set([NO_ANSWER, 429, 502, 503, 504]);
const ATTEMPTS = 5;
// Longer than the service takes for its own answer.
const ATTEMPT_MS = 15_000;
// Whoever is asked to wait longer gives up: its own caller is waiting, too.
const PAUSE_MS_MAX = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;
// As much as the service takes.
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** Why nothing is known to be stored, and for how long it is no use to ask again. */
class Refusal extends Error {
  constructor(status, words, pause = 0) {
    super(words);
    this.status = status;
    this.pause = pause;
  }
}

/**
 * Stores one memory; resolves to its id when it is durable.
 *
 * The attributes have a timestamp that is chosen before the first attempt and never after it. With it every attempt is the same
 * memory, which is stored once, even if an answer was lost.
 */
export async function remember(attributes) {
  const body = JSON.stringify({ data: { type: "memories", attributes } });
  for (let attempt = 1; ; attempt++) {
    const { status, pause, document } = await send(body);
    const id = document?.data?.id;
    if (status === 201 && typeof id === "string") return id;
    if (!PASSING.has(status) || attempt === ATTEMPTS || pause > PAUSE_MS_MAX) {
      // A gateway before the service may word its refusals otherwise.
      const errors = Array.isArray(document?.errors) ? document.errors : [];
      const details = errors.map((error) => error?.detail).filter((detail) => typeof detail === "string");
      const what = status === NO_ANSWER ? "No answer came." : `The answer was ${status}.`;
      throw new Refusal(status, details.join(" ") || what, pause);
    }
    // A full jitter: clients that failed together do not come back together.
    await sleep(pause + Math.random() * 250 * 2 ** attempt);
  }
}

/** One attempt: the status, how many milliseconds to wait at least, and the document. */
async function send(body) {
  const headers = { "Content-Type": MEDIA_TYPE, Accept: MEDIA_TYPE };
  if (KEY) headers["x-api-key"] = KEY;
  try {
    const signal = AbortSignal.timeout(ATTEMPT_MS);
    // A redirect is not followed: it would take the key to another host.
    const answer = await fetch(`${MEMORY_URL}/memory`, { method: "POST", headers, body, signal, redirect: "manual" });
    const bytes = await answer.arrayBuffer();
    return { status: answer.status, pause: pauseOf(answer.headers.get("Retry-After") ?? ""), document: parsed(bytes) };
  } catch (error) {
    // Only its kind: some say the headers, and with them the key.
    console.error(`no answer: ${error.cause?.code ?? error.name}`);
    return { status: NO_ANSWER, pause: 0 };
  }
}

/** Milliseconds, of seconds or a date (RFC 9110, section 10.2.3); a day means never. */
function pauseOf(retryAfter) {
  const date = retryAfter.endsWith(" GMT") ? Date.parse(retryAfter) : NaN;
  const pause = /^[0-9]+$/.test(retryAfter) ? 1000 * Number(retryAfter) : date - Date.now();
  return Math.min(Math.max(pause, 0) || 0, DAY_MS);
}

/** Undefined where it is no JSON in UTF-8. */
function parsed(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

async function decide(request) {
  const given = parsed(await read(request));
  if (given === undefined) throw new Refusal(400, "Send JSON in UTF-8.");
  if (given === null || typeof given !== "object") throw new Refusal(422, "Send an object.");
  const { repository_id, decision, decided_at, ...unknown } = given;
  // What is dropped is lost.
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw new Refusal(422, `${JSON.stringify(name)} is unknown: leave it out.`);
  // Whoever repeats this request sends its `decided_at` again, and so it is one memory from end to end.
  if (decided_at == null) throw new Refusal(422, '"decided_at" is required: say when, such as 2026-01-19T14:00:00Z.');
  return remember({ repository_id, content: decision, memory_type: "decision_log", timestamp: decided_at });
}

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    // The rest is not kept, but read: a caller that is still sending reads no answer.
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `Send at most ${BODY_BYTES_MAX} bytes.`);
  return Buffer.concat(chunks);
}

const server = createServer(async (request, response) => {
  const answer = (status, value) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  if (request.method !== "POST" || request.url !== "/decisions") return answer(404, { error: "POST /decisions" });
  try {
    answer(201, { memory_id: await decide(request) });
  } catch (error) {
    if ([400, 413, 422].includes(error.status)) return answer(error.status, { error: error.message });
    // What else the memory service refuses, a key for one, is no fault of our caller's, and not for its eyes.
    console.error(error instanceof Refusal ? error.message : error);
    if (error.pause) response.setHeader("Retry-After", Math.ceil(error.pause / 1000));
    const again = "Whether the decision was stored is not known. Repeat the same request: however often it is sent, it is stored once.";
    answer(PASSING.has(error.status) ? 503 : error.status ? 502 : 500, { error: again });
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
// A platform that restarts the backend lets the requests in flight end.
process.on("SIGTERM", () => server.close());
