/**
 * Failpoints of this process, set by environment and over HTTP as gofail has it.
 *
 *     GOFAIL_FAILPOINTS='raftBeforeSave=1*panic;walAfterSync=sleep(10)'
 *     GOFAIL_HTTP=127.0.0.1:22381    PUT, GET and DELETE /NAME, GET /NAME/count, GET /, PUT /failpoints
 *
 * Whoever reaches that address can end the process: it is for tests, and off unless one of the two is
 * set. A `panic` ends the process with code 2, without a word to anybody, as a crash would.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  armFailpoints,
  clearFailpoint,
  type FailpointActions,
  type FailpointError,
  failpointNames,
  failpointStatus,
  setFailpoint,
} from "@flotilla/base";
import { CommandError } from "./exit.ts";

/** A body of PUT; terms are short. */
const bodyBytesMax = 64 * 1024;
/** As a Go program that panics. */
const panicExitCode = 2;

/** What failpoints need of the process. */
export interface FailpointProcess extends FailpointActions {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Opened by {@link startFailpoints}. */
export interface FailpointServer {
  /** 0 without GOFAIL_HTTP. */
  readonly port: number;
  close(): Promise<void>;
}

/** The process this runs in. */
export function systemFailpointProcess(): FailpointProcess {
  return {
    environment: process.env,
    chance: () => Math.random(),
    sleep: (ms) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    },
    print: (line) => process.stdout.write(`${line}\n`),
    panic: (text) => {
      process.stderr.write(`panic: ${text}\n`);
      process.exit(panicExitCode);
    },
  };
}

/** Arms the failpoints when the environment says so; undefined when it does not. */
export async function startFailpoints(
  target: FailpointProcess = systemFailpointProcess(),
): Promise<FailpointServer | undefined> {
  const { GOFAIL_FAILPOINTS: terms = "", GOFAIL_HTTP: address = "" } = target.environment;
  if (terms === "" && address === "") return undefined;
  armFailpoints(target);
  setAll(terms, target);
  if (address === "") return { port: 0, close: () => Promise.resolve() };
  const server = createServer((request, response) => serve(request, response));
  const port = await listen(server, address);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Those of the environment: unknown names are of other programs, bad terms are told. */
function setAll(text: string, { print }: FailpointProcess): void {
  const points = parsePoints(text);
  if (typeof points === "string") {
    throw new CommandError("wrongArguments", `fail to parse failpoint: ${points}`);
  }
  for (const [name, terms] of points) {
    if (setFailpoint(name, terms) !== "could not parse terms") continue;
    print(`failed to enable "${name}=${terms}" (failpoint: could not parse terms)`);
  }
}

/** `NAME=TERMS` by semicolons; a text when it is something else. */
function parsePoints(text: string): readonly (readonly [string, string])[] | string {
  const points: (readonly [string, string])[] = [];
  for (const part of text.split(";")) {
    if (part === "") continue;
    const [name, terms, more] = part.split("=");
    if (name === undefined || terms === undefined || more !== undefined) {
      return `bad failpoint ${JSON.stringify(part)}`;
    }
    points.push([name, terms]);
  }
  return points;
}

function listen(server: Server, address: string): Promise<number> {
  const { hostname, port } = new URL(`http://${address}`);
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(new CommandError("refused", `Cannot serve GOFAIL_HTTP=${address}: ${error.message}`));
    server.once("error", onError);
    server.listen({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) }, () => {
      server.off("error", onError);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  });
}

interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly allow?: string;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const name = (request.url ?? "/").slice(1);
  const end = ({ status, text, allow }: Answer): void => {
    if (allow !== undefined) response.setHeader("allow", allow);
    if (text !== undefined) response.setHeader("content-type", "text/plain; charset=utf-8");
    response.writeHead(status).end(text);
  };
  if (request.method === "PUT") readBody(request, (body) => end(put(name, body)));
  else if (request.method === "GET") end(get(name));
  else if (request.method === "DELETE") end(remove(name));
  else end({ status: 405, text: "Method not allowed\n", allow: "PUT" });
}

/** `take` gets undefined when it is too long. */
function readBody(request: IncomingMessage, take: (body: string | undefined) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes <= bodyBytesMax) parts.push(part);
  });
  request.on("error", () => request.destroy()); // The client went away: nothing was asked.
  request.on("end", () => {
    take(bytes > bodyBytesMax ? undefined : Buffer.concat(parts).toString("utf8"));
  });
}

function put(name: string, body: string | undefined): Answer {
  if (body === undefined) return { status: 400, text: "failed ReadAll in PUT\n" };
  const points = name.toLowerCase() === "failpoints" ? parsePoints(body) : [[name, body] as const];
  if (typeof points === "string") {
    return { status: 400, text: `fail to parse failpoint: ${points}\n` };
  }
  for (const [point, terms] of points) {
    const error = setFailpoint(point, terms);
    if (error !== undefined)
      return { status: 400, text: `fail to set failpoint: ${told(error)}\n` };
  }
  return { status: 204 };
}

function get(name: string): Answer {
  if (name === "") {
    const lines = [...failpointNames].sort().map((point) => `${point}=${termsOf(point)}\n`);
    return { status: 200, text: lines.join("") };
  }
  const isCount = name.endsWith("/count");
  const status = failpointStatus(isCount ? name.slice(0, -"/count".length) : name);
  if (typeof status === "string") {
    const text = `failed to GET: ${told(status)}\n`;
    if (isCount) return { status: status === "does not exist" ? 404 : 500, text };
    return { status: 404, text: `${text}\n` };
  }
  return { status: 200, text: isCount ? String(status.count) : `${status.text}\n` };
}

function remove(name: string): Answer {
  const error = clearFailpoint(name);
  if (error === undefined) return { status: 204 };
  return { status: 400, text: `failed to delete failpoint ${told(error)}\n` };
}

function termsOf(name: string): string {
  const status = failpointStatus(name);
  return typeof status === "string" ? "" : status.text;
}

/** gofail's own words. */
function told(error: FailpointError): string {
  return `failpoint: ${error === "does not exist" ? "failpoint does not exist" : error}`;
}
