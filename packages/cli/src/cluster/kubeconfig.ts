/** The kubeconfig that `up` writes: JSON, which is YAML too, so that every kubectl reads it. */
import { writeFileSync } from "node:fs";
import type { KeyPair } from "./certificates.ts";

export interface KubeconfigInput {
  /** Cluster and context names with the URL each stands for; the first is the current one. */
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  readonly user: string;
  readonly caCert: string;
  readonly client: KeyPair;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** The document, with certificates and key inside. */
export function kubeconfig({ servers, user, caCert, client }: KubeconfigInput): string {
  const document = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": servers[0]?.name ?? "",
    clusters: servers.map(({ name, url }) => ({
      name,
      cluster: { server: url, "certificate-authority-data": base64(caCert) },
    })),
    contexts: servers.map(({ name }) => ({ name, context: { cluster: name, user } })),
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": base64(client.cert),
          "client-key-data": base64(client.key),
        },
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Writes it with mode 0600: the key inside is a secret. */
export function writeKubeconfig(path: string, input: KubeconfigInput): void {
  writeFileSync(path, kubeconfig(input), { mode: 0o600 });
}
