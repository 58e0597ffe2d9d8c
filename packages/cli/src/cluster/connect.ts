/** The object client that commands use: the identity of a kubeconfig, and every address the cluster has. */
import { readFileSync } from "node:fs";
import { createHttpClient, type HttpClient, parseKubeconfig } from "@flotilla/client";
import { CommandError, reasonOf } from "../exit.ts";

/** Connects to any of `servers` as the user of a kubeconfig in JSON, as `up` writes it. */
export function connect(servers: readonly string[], kubeconfig: string): HttpClient {
  try {
    return createHttpClient({ ...parseKubeconfig(readFileSync(kubeconfig, "utf8")), servers });
  } catch (error) {
    throw new CommandError(
      "localIo",
      `Cannot read kubeconfig ${kubeconfig}: ${reasonOf(error)}`,
      "It must be JSON with embedded certificates, as `flotilla up` writes it.",
      error,
    );
  }
}
