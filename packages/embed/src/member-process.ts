/**
 * The program of a test cluster's member: waits to be told what to start, and ends with whoever
 * started it. Errors go to standard error, one JSON object a line.
 */
import { existsSync, rmSync } from "node:fs";
import type { LogFields, Logger } from "@flotilla/base";
import { portPauseMs, portTriesMax, removalTriesMax } from "./limits.ts";
import { type StartedMessage, type StartMessage, stopMessage } from "./process-messages.ts";
import { type ServingMember, type ServingOptions, startServing } from "./serving-member.ts";

function write(level: string, message: string, fields: LogFields = {}): void {
  process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
}

const logger: Logger = {
  debug() {},
  info: (message, fields) => write("info", message, fields),
  warn: (message, fields) => write("warn", message, fields),
  error: (message, fields) => write("error", message, fields),
};

/** The other members do the same at the same time: what one misses, the last one finds. */
function remove(directory: string): void {
  for (let tries = 0; tries < removalTriesMax && existsSync(directory); tries++) {
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {} // Another one was faster.
  }
}

/** While it was not running, the system may have lent its port to an outgoing connection. */
async function startOncePortIsFree(options: ServingOptions): Promise<ServingMember> {
  for (let tries = 1; ; tries++) {
    try {
      return await startServing(options);
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isTaken || tries === portTriesMax) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, portPauseMs));
  }
}

async function start({ clusterDir, ...options }: StartMessage): Promise<ServingMember> {
  process.on("disconnect", () => {
    remove(clusterDir);
    process.exit(0);
  });
  const serving = await startOncePortIsFree({
    ...options,
    listenPeerUrl: "http://127.0.0.1:0",
    host: "127.0.0.1",
    logger,
  });
  const peerPort = Number(new URL(serving.member.peerUrl).port);
  const started: StartedMessage = { clientUrl: serving.clientUrl, peerPort };
  process.send?.(started);
  void serving.member.stopped.then((reason) => process.exit(reason === undefined ? 0 : 1));
  return serving;
}

let serving: ServingMember | undefined;
process.on("message", (message) => {
  if (message === stopMessage) {
    void serving?.stop();
    return;
  }
  start(message as StartMessage).then(
    (started) => {
      serving = started;
    },
    (error: unknown) => {
      write("error", "member did not start", { reason: String(error) });
      process.exit(1);
    },
  );
});
// Nobody reads it any more: "disconnect" follows.
process.stderr.on("error", () => {});
// Meant for whoever started it, who may not want to end: if he does, he is gone.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
