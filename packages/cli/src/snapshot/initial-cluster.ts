/**
 * The initial cluster of a restore, checked as etcdutl checks it, with its texts. Pure. Source: etcd
 * server/config/config.go, advertiseMatchesCluster; client/pkg/types/urls.go.
 */
import type { InitialMember } from "@flotilla/member";
import { CommandError } from "../exit.ts";

const schemes = ["http:", "https:", "unix:", "unixs:"] as const;

/** Throws `CommandError`. */
export function parseInitialCluster(text: string): readonly InitialMember[] {
  return text.split(",").map((part) => {
    const at = part.indexOf("=");
    const name = at < 0 ? part : part.slice(0, at);
    const peerUrl = at < 0 ? "" : part.slice(at + 1);
    checkUrl(peerUrl, `--initial-cluster takes name=url pairs by commas, got ${part}`);
    return { name, peerUrl };
  });
}

/** That this member's lines are what it advertises. Throws `CommandError`. */
export function checkAdvertised(
  name: string,
  initialCluster: readonly InitialMember[],
  advertised: readonly string[],
): void {
  for (const url of advertised) checkUrl(url);
  const own = initialCluster.filter((line) => line.name === name).map(({ peerUrl }) => peerUrl);
  if (own.length === 0) {
    throw refused(`couldn't find local name "${name}" in the initial cluster configuration`);
  }
  const told = advertised.toSorted();
  const listed = own.toSorted();
  const missing = listed.filter((url) => !told.includes(url)).map((url) => `${name}=${url}`);
  if (missing.length > 0) {
    const at = told.findIndex((url, place) => url !== listed[place]);
    const pair = `"${told[at]}" != "${listed[at]}"`;
    throw refused(
      `--initial-cluster has ${missing.join(",")} but missing from ` +
        `--initial-advertise-peer-urls=${told.join(",")} (resolved urls: ${pair})`,
    );
  }
  const unlisted = told.filter((url) => !listed.includes(url));
  if (unlisted.length === 0) return;
  throw refused(
    `--initial-advertise-peer-urls has ${unlisted.join(",")} but missing from ` +
      `--initial-cluster=${told.map((url) => `${name}=${url}`).join(",")}`,
  );
}

function checkUrl(url: string, hint?: string): void {
  if (schemes.some((scheme) => url.startsWith(scheme))) return;
  throw refused(`URL scheme must be http, https, unix, or unixs: ${url}`, hint);
}

function refused(text: string, hint?: string): CommandError {
  return new CommandError("refused", text, hint);
}
