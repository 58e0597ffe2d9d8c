/** The object client that commands use: the identity of a kubeconfig, and every address the cluster has. */
import { readFileSync } from "node:fs";
import { createHttpClient, type ObjectClient } from "@flotilla/client";
import { CommandError, reasonOf } from "../exit.ts";
import { systemClock, systemRandom } from "../system.ts";

/** What an HTTPS client needs to prove who it is. PEM texts. */
export interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Reads certificates and key out of a kubeconfig in JSON, as `up` writes it. */
export function readIdentity(kubeconfig: string): Identity {
  try {
    const document = JSON.parse(readFileSync(kubeconfig, "utf8"));
    const text = (base64: string) => Buffer.from(base64, "base64").toString();
    const user = document.users[0].user;
    return {
      ca: text(document.clusters[0].cluster["certificate-authority-data"]),
      cert: text(user["client-certificate-data"]),
      key: text(user["client-key-data"]),
    };
  } catch (error) {
    throw new CommandError(
      "localIo",
      `Cannot read kubeconfig ${kubeconfig}: ${reasonOf(error)}`,
      "It must be JSON with embedded certificates, as `flotilla up` writes it.",
      error,
    );
  }
}

export function connect(servers: readonly string[], kubeconfig: string): ObjectClient {
  const { ca, cert, key } = readIdentity(kubeconfig);
  return createHttpClient({ servers, ca, cert, key, clock: systemClock, random: systemRandom() });
}
