/** Where a member listens and what it says of that: etcd's rules for the URLs. Pure. Source: etcd server/embed/config.go. */
import { isIP } from "node:net";
import type { FlagValues } from "./flag-values.ts";

/** Where to bind. */
export interface Binding {
  readonly url: string;
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** A socket in the file system. */
  readonly path?: string;
}

export function bindingOf(url: string): Binding {
  const socket = /^(unixs?):\/\/(.+)$/.exec(url);
  if (socket !== null) {
    return {
      url,
      isSecure: socket[1] === "unixs",
      host: "localhost",
      port: 0,
      path: socket[2] as string,
    };
  }
  const { protocol } = new URL(url);
  // The port as it was written: a URL leaves out that of its scheme.
  const [, host = "", port = ""] = /^https?:\/\/(.*):(\d+)$/.exec(url) ?? [];
  const isSecure = protocol === "https:";
  return { url, isSecure, host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** `localhost` is bound as IPv4, as Go does, whatever comes first in the machine's tables. */
export function bindHost(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

const listenFlags = [
  "listen-peer-urls",
  "listen-client-urls",
  "listen-client-http-urls",
  "listen-metrics-urls",
] as const;

/** Every address that is listened to, but for sockets in the file system. */
export function listenUrls(values: FlagValues): readonly string[] {
  const all = [...listenFlags.flatMap((flag) => values.list(flag)), values.text("api-listen-url")];
  return all.filter((url) => URL.canParse(url) && bindingOf(url).path === undefined);
}

/** What is wrong with the URLs, in etcd's words; undefined when nothing is. */
export function urlsProblem(values: FlagValues): string | undefined {
  for (const flag of listenFlags) {
    for (const url of values.list(flag)) {
      const { host, path } = bindingOf(url);
      if (path === undefined && host !== "localhost" && isIP(host) === 0) {
        return `expected IP in URL for binding (${url})`;
      }
    }
  }
  if (values.isSet("listen-client-urls") && !values.isSet("advertise-client-urls")) {
    return "--advertise-client-urls is required when --listen-client-urls is set explicitly";
  }
  return undefined;
}

/** The other rules that etcd checks before it starts. */
export function timesProblem(values: FlagValues): string | undefined {
  const [heartbeat, election] = [
    values.number("heartbeat-interval"),
    values.number("election-timeout"),
  ];
  if (heartbeat === 0) return "--heartbeat-interval must be >0 (set to 0ms)";
  if (election === 0) return "--election-timeout must be >0 (set to 0ms)";
  if (5 * heartbeat > election) {
    return `--election-timeout[${election}ms] should be at least as 5 times as --heartbeat-interval[${heartbeat}ms]`;
  }
  if (election > 50_000) {
    return `--election-timeout[${election}ms] is too long, and should be set less than 50000ms`;
  }
  return undefined;
}

/** `name=url,...`; a name may have several. */
export function initialClusterOf(
  values: FlagValues,
): readonly { readonly name: string; readonly peerUrl: string }[] | undefined {
  const text = values.text("initial-cluster");
  if (text === "") {
    const name = values.text("name");
    return values.list("initial-advertise-peer-urls").map((peerUrl) => ({ name, peerUrl }));
  }
  const lines = text.split(",").map((part) => {
    const at = part.indexOf("=");
    return { name: part.slice(0, at).trim(), peerUrl: part.slice(at + 1).trim() };
  });
  return lines.every(({ name, peerUrl }) => name !== "" && /^\w+:\/\/./.test(peerUrl))
    ? lines
    : undefined;
}
