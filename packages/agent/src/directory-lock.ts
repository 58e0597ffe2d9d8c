/**
 * One agent per data directory: two would each start every pod.
 *
 * The lock is a listening socket in Linux' abstract name space: the kernel releases it with its
 * holder, however that dies, so that there is nothing stale to judge.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { AgentError } from "./errors.ts";

/** Takes the lock; the returned function gives it back. Throws `dataDirectoryInUse`. */
export function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const name = createHash("sha256").update(directory).digest("hex");
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const message = `Cannot use ${directory}: another agent does`;
      reject(new AgentError("dataDirectoryInUse", message, error));
    });
    server.listen(`\0flotilla-agent-${name}`, () => {
      server.unref();
      resolve(() => new Promise((released) => server.close(() => released())));
    });
  });
}
