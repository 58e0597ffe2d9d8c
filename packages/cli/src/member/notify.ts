/**
 * Tells systemd that the process is ready (`Type=notify`). Node.js has no sockets of the kind that this
 * takes, so systemd's own small program says it, once, for this process.
 */
import { spawn } from "node:child_process";
import type { Logger } from "@flotilla/base";

/** systemd-notify waits for systemd; a machine without it must not wait for long. */
const notifyMs = 5_000;

/** Does nothing where nobody listens, which is where NOTIFY_SOCKET is not set. Resolves when it is said, or cannot be. */
export async function notifyReady(
  variables: Readonly<Record<string, string | undefined>>,
  pid: number,
  logger: Logger,
): Promise<void> {
  const { NOTIFY_SOCKET, PATH = "/usr/bin:/bin" } = variables;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return;
  logger.info("notifying init daemon");
  const problem = await new Promise<string | undefined>((resolve) => {
    const child = spawn("systemd-notify", ["--ready", `--pid=${pid}`], {
      stdio: "ignore",
      timeout: notifyMs,
      env: { NOTIFY_SOCKET, PATH },
    });
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`),
    );
  });
  if (problem === undefined) logger.info("successfully notified init daemon");
  else
    logger.error("failed to notify systemd for readiness", { error: `systemd-notify: ${problem}` });
}
