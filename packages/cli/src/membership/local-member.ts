/** The part of a removal that concerns this machine: a member that `up` started is not started again. */
import { resolve } from "node:path";
import type { MemberDescription } from "@flotilla/etcd-api";
import { findClusterFile, writeClusterFile } from "../cluster/cluster-file.ts";
import { leaveOut } from "../cluster/former-members.ts";
import { waitForExit } from "../cluster/processes.ts";

/** A removed member stops by itself when it is told. */
const endMs = 15_000;

/** Takes the member out of cluster.json, if it is there, once its process has ended. */
export async function forgetLocalMember(
  dataDir: string,
  { peerUrls }: MemberDescription,
): Promise<void> {
  const home = resolve(dataDir);
  const cluster = findClusterFile(home);
  const member = cluster?.members.find(({ peerUrl }) => peerUrls.includes(peerUrl));
  if (cluster === undefined || member === undefined) return;
  const stubborn = await waitForExit([member], endMs);
  leaveOut(cluster, [member]);
  writeClusterFile(home, cluster);
  const lines = [
    `\`flotilla up\` does not start it any more. Its data is in ${member.dataDir}, and may be deleted.`,
    ...(stubborn.length === 0 ? [] : [`It still runs (pid ${member.pid}): end it by hand.`]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
