/** Opens the Kubernetes API: at a member's own address, and at the one that all members share. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@flotilla/base";
import { type KubeApiServer, type ServeOptions, serveKubeApi } from "@flotilla/kube-api";

/** How soon a shared address is taken over after its holder died. */
const retryMs = 200;

/** Serves at an address that must be free. Returns how to close it. */
export async function serveAt(options: ServeOptions): Promise<() => Promise<void>> {
  const server = await serveKubeApi(options);
  return () => server.close();
}

/**
 * Serves at an address of this machine that several members want: whoever binds it holds it, and the
 * kernel frees it when the holder dies. Tries until it is closed.
 */
export function serveShared(options: ServeOptions, logger: Logger): () => Promise<void> {
  const ending = new AbortController();
  const held = hold(options, logger, ending.signal);
  return async () => {
    ending.abort();
    await (await held)?.close();
  };
}

async function hold(
  options: ServeOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<KubeApiServer | undefined> {
  while (!signal.aborted) {
    try {
      const server = await serveKubeApi(options);
      logger.info("holding the shared API address", { host: options.host, port: options.port });
      return server;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE") {
        logger.error("cannot serve at the shared API address", { reason: String(error) });
        return undefined;
      }
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {}); // Aborted: the loop ends.
  }
  return undefined;
}
