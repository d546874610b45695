// A backend that stores decisions as memories. Node 20, no packages.
//
//   MEMORY_URL=http://127.0.0.1:8080 PORT=3000 node examples/backend.mjs
//   curl http://127.0.0.1:3000/decisions -d '{"repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
//     "decision":"Round half up.","decided_at":"2026-01-19T14:00:00Z"}'
//
// If MEMORY_API_KEY is set, it is sent.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { MEMORY_URL = "http://127.0.0.1:8080", PORT = "3000" } = process.env;
const KEY = (process.env.MEMORY_API_KEY ?? "").trim();
if (!/^[!-~]*$/.test(KEY)) throw new Error("MEMORY_API_KEY contains characters that a header must not contain.");
const MEDIA_TYPE = "application/vnd.api+json";
// After these, a repeat may help.
const NO_ANSWER = 0;
const PASSING = new Set([NO_ANSWER, 429, 502, 503, 504]);
const ATTEMPTS = 5;
// Longer than the service needs for its response.
const ATTEMPT_MS = 15_000;
// If the service asks for a longer pause, the request fails, because our own caller is waiting too.
const PAUSE_MS_MAX = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;
// The limit of the service.
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** The reason why a memory was not confirmed, and the pause before a repeat makes sense. */
class Refusal extends Error {
  constructor(status, words, pause = 0) {
    super(words);
    this.status = status;
    this.pause = pause;
  }
}

/**
 * Stores one memory. Resolves to its id when it is durable.
 *
 * The attributes contain a timestamp that is chosen before the first attempt and does not change after it. So every
 * attempt is the same memory, which is stored once, even if a response was lost.
 */
export async function remember(attributes) {
  const body = JSON.stringify({ data: { type: "memories", attributes } });
  for (let attempt = 1; ; attempt++) {
    const { status, pause, document } = await send(body);
    const id = document?.data?.id;
    if (status === 201 && typeof id === "string") return id;
    if (!PASSING.has(status) || attempt === ATTEMPTS || pause > PAUSE_MS_MAX) {
      // A gateway in front of the service may send errors in another form.
      const errors = Array.isArray(document?.errors) ? document.errors : [];
      const details = errors.map((error) => error?.detail).filter((detail) => typeof detail === "string");
      const what = status === NO_ANSWER ? "No response came." : `The response status was ${status}.`;
      throw new Refusal(status, details.join(" ") || what, pause);
    }
    // Full jitter, so that clients that failed together do not all repeat at the same time.
    await sleep(pause + Math.random() * 250 * 2 ** attempt);
  }
}

/** Makes one attempt. Resolves to the status, the minimum pause in milliseconds, and the document. */
async function send(body) {
  const headers = { "Content-Type": MEDIA_TYPE, Accept: MEDIA_TYPE };
  if (KEY) headers["x-api-key"] = KEY;
  try {
    const signal = AbortSignal.timeout(ATTEMPT_MS);
    // A redirect is not followed, because it would send the key to another host.
    const answer = await fetch(`${MEMORY_URL}/memory`, { method: "POST", headers, body, signal, redirect: "manual" });
    const bytes = await answer.arrayBuffer();
    return { status: answer.status, pause: pauseOf(answer.headers.get("Retry-After") ?? ""), document: parsed(bytes) };
  } catch (error) {
    // Only the kind of the error, because some texts contain the headers, and so the key.
    console.error(`no response: ${error.cause?.code ?? error.name}`);
    return { status: NO_ANSWER, pause: 0 };
  }
}

/** Returns the pause in milliseconds, from seconds or a date (RFC 9110, section 10.2.3). A day means never. */
function pauseOf(retryAfter) {
  const date = retryAfter.endsWith(" GMT") ? Date.parse(retryAfter) : NaN;
  const pause = /^[0-9]+$/.test(retryAfter) ? 1000 * Number(retryAfter) : date - Date.now();
  return Math.min(Math.max(pause, 0) || 0, DAY_MS);
}

/** Returns the parsed value, or undefined if the bytes are not JSON in UTF-8. */
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
  if (given === null || typeof given !== "object") throw new Refusal(422, "Send a JSON object.");
  const { repository_id, decision, decided_at, ...unknown } = given;
  // To drop a member would lose data.
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw new Refusal(422, `${JSON.stringify(name)} is unknown: leave it out.`);
  // A repeat of this request contains the same `decided_at`, so it is the same memory from end to end.
  if (decided_at == null) throw new Refusal(422, '"decided_at" is required: send the time of the decision, such as 2026-01-19T14:00:00Z.');
  return remember({ repository_id, content: decision, memory_type: "decision_log", timestamp: decided_at });
}

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    // The rest is read but not kept, because a caller that is still sending does not read a response.
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
    // Other refusals of the memory service, such as a wrong key, are not the caller's fault, and the caller must not
    // see them.
    console.error(error instanceof Refusal ? error.message : error);
    if (error.pause) response.setHeader("Retry-After", Math.ceil(error.pause / 1000));
    const again = "Whether the decision was stored is not known. Repeat the same request: the decision is stored once, however often it is sent.";
    answer(PASSING.has(error.status) ? 503 : error.status ? 502 : 500, { error: again });
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
// When a platform stops the backend, the requests in flight are completed.
process.on("SIGTERM", () => server.close());
