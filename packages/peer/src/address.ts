/** Where a member is reached by its peers. Pure. */
import { PeerError } from "./errors.ts";

export interface PeerAddress {
  readonly host: string;
  /** 0 takes a free one when listening. */
  readonly port: number;
  /** TLS is spoken there. Default false. */
  readonly isSecure?: boolean;
  /** A socket in the file system, in place of host and port. */
  readonly path?: string;
}

/**
 * The address in a URL `http://host:port`, `https://host:port`, or, as at etcd, `unix://path` and
 * `unixs://path`. Throws `PeerError` `badAddress`.
 */
export function parsePeerUrl(url: string): PeerAddress {
  const socket = /^(unixs?):\/\/(.+)$/.exec(url);
  if (socket !== null) {
    return {
      host: "localhost",
      port: 0,
      path: socket[2] as string,
      ...secureIf(socket[1] === "unixs"),
    };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isSecure = parsed?.protocol === "https:";
  if (
    parsed === undefined ||
    !(isSecure || parsed.protocol === "http:") ||
    parsed.pathname !== "/"
  ) {
    throw new PeerError(
      "badAddress",
      `Cannot use peer URL "${url}": it must be http://host:port, https://host:port or unix://path`,
    );
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1"); // IPv6 literals stand in brackets.
  const port = parsed.port === "" ? (isSecure ? 443 : 80) : Number(parsed.port);
  return { host, port, ...secureIf(isSecure) };
}

/** The reverse of {@link parsePeerUrl}. */
export function peerUrlOf({ host, port, path, isSecure = false }: PeerAddress): string {
  if (path !== undefined) return `${isSecure ? "unixs" : "unix"}://${path}`;
  return `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function secureIf(isSecure: boolean): { readonly isSecure?: true } {
  return isSecure ? { isSecure } : {};
}
