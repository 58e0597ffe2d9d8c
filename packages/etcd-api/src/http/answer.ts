/** Answers of the HTTP side that are made whole. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

const plain = "text/plain; charset=utf-8";

/** Text, with which Go's servers forbid browsers to take it for something else. */
export function textAnswer(status: number, body: string): Answer {
  const headers = { "Content-Type": plain, "X-Content-Type-Options": "nosniff" };
  return { status, headers, body };
}

/** What a wrong method gets. */
export const methodNotAllowed: Answer = {
  status: 405,
  headers: { Allow: "GET", "Content-Type": plain, "X-Content-Type-Options": "nosniff" },
  body: "Method Not Allowed\n",
};

/** What a wrong path gets. */
export const notFound: Answer = textAnswer(404, "404 page not found\n");

/** Sends a client to another path, in the words of Go's servers. */
export function redirectTo(location: string, method: string): Answer {
  const headers = { Location: location };
  if (method !== "GET" && method !== "HEAD") return { status: 307, headers, body: "" };
  const href = location.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return {
    status: 307,
    headers: { ...headers, "Content-Type": "text/html; charset=utf-8" },
    body: `<a href="${href}">Temporary Redirect</a>.\n\n`,
  };
}

/** JSON that was written already. */
export function jsonAnswer(status: number, body: string): Answer {
  return { status, headers: { "Content-Type": "application/json" }, body };
}

/** Sends it, unless the client has gone. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
