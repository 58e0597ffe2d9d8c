/** Where a member is reached by its peers. Pure. */
import { PeerError } from "./errors.ts";

export interface PeerAddress {
  readonly host: string;
  /** 0 takes a free one when listening. */
  readonly port: number;
}

/** The address in a URL `http://host:port`. Throws `PeerError` `badAddress`. */
export function parsePeerUrl(url: string): PeerAddress {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.protocol !== "http:" || parsed.pathname !== "/") {
    throw new PeerError(
      "badAddress",
      `Cannot use peer URL "${url}": it must be http://host:port (TLS between members is not supported)`,
    );
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1"); // IPv6 literals stand in brackets.
  return { host, port: parsed.port === "" ? 80 : Number(parsed.port) };
}

/** The reverse of {@link parsePeerUrl}. */
export function peerUrlOf({ host, port }: PeerAddress): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
