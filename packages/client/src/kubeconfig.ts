/**
 * Reads a kubeconfig in its JSON form, the one that `flotilla up` writes.
 *
 * YAML is the command line's business: it has a parser and hands over JSON. Pure.
 */
import { ClientError } from "./errors.ts";

/** What a connection needs, taken from the current context. PEM texts are as `node:tls` takes them. */
export interface Kubeconfig {
  readonly server: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** The context's namespace; "default" when it names none. */
  readonly namespace: string;
  readonly insecureSkipTlsVerify: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** The current context of a kubeconfig. Throws {@link ClientError} `badKubeconfig` when it names nothing usable. */
export function parseKubeconfig(text: string): Kubeconfig {
  const config = parseJson(text);
  const current = config["current-context"];
  if (typeof current !== "string" || current === "") throw bad("current-context is not set");
  const context = entry(config, "contexts", "context", current);
  const cluster = entry(config, "clusters", "cluster", String(context["cluster"]));
  const user = entry(config, "users", "user", String(context["user"]));
  const server = cluster["server"];
  if (typeof server !== "string") throw bad("the cluster has no server");
  for (const field of ["certificate-authority", "client-certificate", "client-key", "tokenFile"]) {
    if (cluster[field] !== undefined || user[field] !== undefined) {
      throw bad(`${field} names a file: put its content into ${field}-data`);
    }
  }
  const ca = pem(cluster["certificate-authority-data"]);
  const cert = pem(user["client-certificate-data"]);
  const key = pem(user["client-key-data"]);
  const token = user["token"];
  const namespace = context["namespace"];
  return {
    server,
    namespace: typeof namespace === "string" && namespace !== "" ? namespace : "default",
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(typeof token === "string" ? { token } : {}),
  };
}

function parseJson(text: string): Fields {
  try {
    return asFields(JSON.parse(text));
  } catch (cause) {
    throw new ClientError("badKubeconfig", "kubeconfig is not JSON", { cause });
  }
}

function entry(config: Fields, list: string, field: string, name: string): Fields {
  const items = config[list];
  const found = Array.isArray(items)
    ? items.map(asFields).find((item) => item["name"] === name)
    : undefined;
  if (found === undefined) throw bad(`${list} has no entry named "${name}"`);
  return asFields(found[field]);
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function pem(value: unknown): string | undefined {
  return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : undefined;
}

function bad(reason: string): ClientError {
  return new ClientError("badKubeconfig", `kubeconfig cannot be used: ${reason}`);
}
