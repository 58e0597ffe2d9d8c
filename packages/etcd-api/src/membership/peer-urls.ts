/**
 * The peer URLs of a member that is added, and the id that follows from them. Pure.
 *
 * Source: etcd client/pkg/types/urls.go (what a URL may be), and server/etcdserver/api/membership/
 * member.go (ids). At run time etcd leaves the cluster token out of the hash, and takes the time in.
 */
import { createHash } from "node:crypto";
import { peerUrlsMax } from "../limits.ts";

/** `http` or `https`, a host, IPv6 in brackets, and a port; no path, not even "/". */
const peerUrl = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/;

/** The URLs trimmed, in their order; undefined when there are none, too many, or one is no peer URL. */
export function parsePeerUrls(texts: readonly string[]): readonly string[] | undefined {
  const urls = texts.map((text) => text.trim());
  if (urls.length === 0 || urls.length > peerUrlsMax) return undefined;
  return urls.every(isPeerUrl) ? urls : undefined;
}

function isPeerUrl(url: string): boolean {
  const port = Number(peerUrl.exec(url)?.[2] ?? "0");
  return port >= 1 && port <= 65_535;
}

/** First 8 bytes, big-endian, of the SHA-1 of the sorted URLs and the time in seconds since 1970. */
export function addedMemberId(peerUrls: readonly string[], unixSeconds: number): bigint {
  return createHash("sha1")
    .update([...peerUrls].sort().join("") + String(unixSeconds))
    .digest()
    .readBigUInt64BE(0);
}
