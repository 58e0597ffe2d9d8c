/** The object client that commands use: the identity of a kubeconfig, and every address the cluster has. */
import { readFileSync } from "node:fs";
import { createHttpClient, type HttpClient, parseKubeconfig } from "@flotilla/client";
import { CommandError, reasonOf } from "../exit.ts";

/** Connects to any of `servers` as the user of a kubeconfig in JSON, as `up` writes it. */
export function connect(servers: readonly string[], kubeconfig: string | undefined): HttpClient {
  if (kubeconfig === undefined) {
    if (servers.every((url) => url.startsWith("http://"))) return createHttpClient({ servers });
    throw new CommandError(
      "wrongArguments",
      `Cannot connect to ${servers.join(",")}: https needs certificates, and no kubeconfig is named`,
      "Name one with --kubeconfig or KUBECONFIG; `flotilla up` writes one for each node in <data-dir>/pki.",
    );
  }
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
