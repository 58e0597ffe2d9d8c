// What both servers of the shop share: reading a body, answering JSON, and stopping politely.
import { createServer } from "node:http";

const bodyBytesMax = 1024 * 1024;
/** A client's idle connection is kept longer than clients keep it, so that they are the ones to close it. */
const keepAliveMs = 65_000;

/** The whole body as text; undefined when it is too large. */
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function answer(response, status, value) {
  const body = value === undefined ? "" : `${JSON.stringify(value)}\n`;
  response.setHeader("Content-Type", "application/json");
  if (status !== 204) response.setHeader("Content-Length", Buffer.byteLength(body));
  response.writeHead(status).end(body);
}

/**
 * Serves `handle(request, response)` on HOST and PORT until SIGTERM. Then goes on for `lameDuckMs`,
 * because balancers need a moment to look away, and tells every client to connect elsewhere next time;
 * finishes what it has, and resolves.
 */
export function serve(handle, { lameDuckMs }) {
  const { HOST = "127.0.0.1", PORT = "0" } = process.env;
  let isStopping = false;
  const server = createServer((request, response) => {
    // The balancer in front sees connections, not requests: a client must be asked to leave.
    if (isStopping) response.shouldKeepAlive = false;
    handle(request, response).catch((error) => {
      say(`request failed: ${error.message}`);
      if (response.headersSent) response.destroy();
      else answer(response, 500, { error: error.message });
    });
  });
  server.keepAliveTimeout = keepAliveMs;
  server.listen({ host: HOST, port: Number(PORT) }, () => {
    say(`listens on http://${HOST}:${server.address().port}`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    process.once("SIGTERM", () => {
      isStopping = true;
      setTimeout(() => {
        server.close(() => resolve());
        setInterval(() => server.closeIdleConnections(), 100).unref();
      }, lameDuckMs);
    });
  });
}

export function say(text) {
  process.stdout.write(`${new Date().toISOString()} ${text}\n`);
}
