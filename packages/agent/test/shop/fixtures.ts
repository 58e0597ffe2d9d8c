/** Starting the example's programs as an agent would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const folder = new URL("../../../../../examples/shop/", import.meta.url);

/** A module of the example. */
export async function exampleModule(name: string) {
  return await import(new URL(name, folder).href);
}

export interface Program {
  readonly child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Resolves to the port once it listens. */
  readonly port: Promise<number>;
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Starts `db.mjs` or `web.mjs`; killed at the end of the test at the latest. */
export function startProgram(t: TestContext, name: string, env: Record<string, string>): Program {
  const child = spawn(process.execPath, [fileURLToPath(new URL(name, folder))], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const port = new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output += String(chunk);
      const found = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(output);
      if (found !== null) resolve(Number(found[1]));
    });
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${output}`)));
  });
  port.catch(() => {}); // Not every test waits for it.
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  t.after(() => end("SIGKILL"));
  return { child, port, output: () => output, end };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, unknown>;
}

/** One request on a connection of its own. Rejects when the connection fails. */
export function ask(port: number, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
