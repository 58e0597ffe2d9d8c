// The database of the shop: a small durable key-value server.
//
//   PUT /kv/<key>   body is the value; answered when it is on disk      204
//   GET /kv/<key>                                                       200 or 404
//   DELETE /kv/<key>                                                    204 or 404
//   GET /kv                                                             200, the keys
//   GET /healthz                                                        200
//
// Its data lies in FLOTILLA_VOLUME_DATA. It does not serve while another live process holds that
// directory: two databases over one file would each lose the other's writes.
import { mkdirSync } from "node:fs";
import { answer, readBody, say, serve } from "./http.mjs";
import { holdDirectory } from "./lock.mjs";
import { LogStore } from "./log-store.mjs";

const directory = process.env["FLOTILLA_VOLUME_DATA"] ?? "./shop-data";
mkdirSync(directory, { recursive: true });
// While it waits nothing would tell it to stop.
const giveUp = () => process.exit(0);
process.once("SIGTERM", giveUp);
await holdDirectory(directory, (pid) => say(`waits for process ${pid} to release ${directory}`));
process.off("SIGTERM", giveUp);

const store = await LogStore.open(directory);
await serve(handle, { lameDuckMs: 0 });
await store.close();

async function handle(request, response) {
  const { pathname } = new URL(request.url, "http://db");
  if (pathname === "/healthz") return answer(response, 200, { ok: true });
  if (pathname === "/kv" && request.method === "GET") return answer(response, 200, store.keys());
  if (!pathname.startsWith("/kv/")) return answer(response, 404, { error: "no such path" });
  const key = decodeURIComponent(pathname.slice("/kv/".length));
  switch (request.method) {
    case "GET":
      return get(response, key);
    case "PUT":
      return await put(request, response, key);
    case "DELETE":
      return answer(response, (await store.remove(key)) ? 204 : 404);
    default:
      return answer(response, 405, { error: "GET, PUT or DELETE" });
  }
}

function get(response, key) {
  const value = store.get(key);
  if (value === undefined) return answer(response, 404, { error: "no such key" });
  answer(response, 200, { key, value });
}

async function put(request, response, key) {
  const value = await readBody(request);
  if (value === undefined) return answer(response, 413, { error: "value is too large" });
  await store.set(key, value);
  answer(response, 204);
}
