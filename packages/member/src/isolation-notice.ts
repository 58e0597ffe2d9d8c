/** What an operator is told when a member takes no part any more, and what to do about it. Pure. */
import type { Isolation } from "@flotilla/consensus";

/** Who is concerned, in the operator's words. */
export interface Isolated {
  readonly name: string;
  /** As the tools print it. */
  readonly id: string;
  readonly dataDir: string;
  readonly peerUrls: readonly string[];
}

/** `code` is there when the member ends: it is out for good. */
export interface IsolationNotice {
  readonly code: Exclude<Isolation["kind"], "lostEntries"> | undefined;
  readonly message: string;
}

export function isolationNotice(isolation: Isolation, member: Isolated): IsolationNotice {
  const { name, id, dataDir, peerUrls } = member;
  const add = `"flotilla member add ${name} --peer-urls=${peerUrls.join(",")}"`;
  const anew = `empty "${dataDir}", add it with ${add} and start it with --initial-cluster-state=existing`;
  switch (isolation.kind) {
    case "removed":
      return {
        code: "removed",
        message: `Member "${name}" (${id}) was removed from the cluster. To have it back as a new member: ${anew}`,
      };
    case "superseded":
      return {
        code: "superseded",
        message:
          `The cluster was recovered by force, without member "${name}" (${id}): what it holds is not part ` +
          `of the cluster any more. Keep a copy of "${dataDir}" if writes of before may be needed. ` +
          `To have it back as a new member: ${anew}`,
      };
    case "lostDisk":
      return {
        code: "lostDisk",
        message:
          `Member "${name}" (${id}) has another disk than before, and its votes were on the old one. Start it ` +
          `with its old data directory, or remove it with "flotilla member remove ${id}". ` +
          `To have it back as a new member: ${anew}`,
      };
    case "lacksData":
      return {
        code: "lacksData",
        message:
          `Member "${name}" (${id}) is to hold data, and "${dataDir}" is the data directory of a witness: its ` +
          `log has entries without their data, and nothing can be built on them. Remove the member with ` +
          `"flotilla member remove ${id}". To have it back as a new member: ${anew}`,
      };
    case "lostEntries":
      return {
        code: undefined,
        message:
          `Member "${name}" (${id}) has lost entries that it had acknowledged: it does not vote until it holds ` +
          `entry ${isolation.until} again, which it gets from its leader. Look after the disk of "${dataDir}"`,
      };
  }
}
