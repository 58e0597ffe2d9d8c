// A web server of the shop: keeps nothing itself, reads and writes the database.
//
//   GET /               who answered, and what the shop has
//   GET /items/<key>    one item
//   PUT /items/<key>    body is the item
//   GET /healthz        200
//
// Every answer says which pod on which node gave it, in the body and in the header X-Answered-By.
import { request as httpRequest } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { answer, readBody, serve } from "./http.mjs";

const pod = process.env["FLOTILLA_POD"] ?? "web";
const node = process.env["FLOTILLA_NODE"] ?? "here";
const database = {
  host: process.env["DB_SERVICE_HOST"] ?? "127.0.0.1",
  port: Number(process.env["DB_SERVICE_PORT"] ?? 7000),
};
/** GET and PUT of the database may be repeated: the second time changes nothing. */
const attemptMs = 2_000;
/** The database may be on its way to another node; longer than this nobody waits. */
const patienceMs = 15_000;
const retryMs = 100;

await serve(handle, { lameDuckMs: 1_000 });

async function handle(request, response) {
  response.setHeader("X-Answered-By", `${pod}@${node}`);
  const { pathname } = new URL(request.url, "http://web");
  if (pathname === "/healthz") return answer(response, 200, { pod, node, ok: true });
  if (pathname === "/" && request.method === "GET") return await front(response);
  const key = pathname.startsWith("/items/") ? pathname.slice("/items/".length) : "";
  if (key === "") return answer(response, 404, { pod, node, error: "no such page" });
  if (request.method === "GET") return await show(response, key);
  if (request.method === "PUT") return await store(request, response, key);
  answer(response, 405, { pod, node, error: "GET or PUT" });
}

async function front(response) {
  const found = await askDatabase("GET", "/kv");
  if (found.status !== 200) return unavailable(response);
  answer(response, 200, { pod, node, pid: process.pid, items: JSON.parse(found.body) });
}

async function show(response, key) {
  const found = await askDatabase("GET", `/kv/${key}`);
  if (found.status === 404) return answer(response, 404, { pod, node, error: "no such item" });
  if (found.status !== 200) return unavailable(response);
  answer(response, 200, { pod, node, ...JSON.parse(found.body) });
}

async function store(request, response, key) {
  const value = await readBody(request);
  if (value === undefined) return answer(response, 413, { pod, node, error: "too large" });
  const stored = await askDatabase("PUT", `/kv/${key}`, value);
  if (stored.status !== 204) return unavailable(response);
  answer(response, 200, { pod, node, key: decodeURIComponent(key), value });
}

function unavailable(response) {
  response.setHeader("Retry-After", "1");
  answer(response, 503, { pod, node, error: "the database does not answer" });
}

/** Asks until there is an answer or patience ends; status 0 is none. */
async function askDatabase(method, path, body) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const found = await askOnce(method, path, body);
      if (found.status < 500) return found;
    } catch {
      // Refused, cut off or silent: it is moving, or its node is gone. Ask again.
    }
    if (Date.now() + retryMs > deadline) return { status: 0, body: "" };
    await wait(retryMs);
  }
}

/** One connection per request: the next one may have to go to another place. */
function askOnce(method, path, body) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(attemptMs);
    const options = { ...database, method, path, agent: false, signal };
    const request = httpRequest(options, (response) => {
      readBody(response).then(
        (text) => resolve({ status: response.statusCode, body: text ?? "" }),
        reject,
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}
