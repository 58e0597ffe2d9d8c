/** How to start a member that was just added: etcd's variables, and the whole command. Pure. */
import { basename, dirname, join } from "node:path";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { firstPorts } from "../cluster/plan.ts";

export interface NewMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** How the new member is run. */
export interface StartStyle {
  /** What stands before `member`, as {@link programCalled} says it. */
  readonly program: string;
  /** Flags that the others run with. */
  readonly pace: readonly string[];
}

/**
 * How a program is called that runs as `script`: by its name where `directories` (of `PATH`) hold it. Not
 * by npx, which would stand between a member and the signals that are meant for it.
 */
export function programCalled(script: string, directories: readonly string[]): string {
  const directory = dirname(script);
  const isNpx = directory.endsWith(join("node_modules", ".bin"));
  if (!isNpx && directories.includes(directory)) return basename(script);
  return script.endsWith(".js") ? `node ${script}` : script;
}

/** etcdctl's four variables, then the command that says the same. */
export function startInstructions(
  description: MembershipDescription,
  member: NewMember,
  { program, pace }: StartStyle,
): string {
  const cluster = initialCluster(description, member);
  const peers = member.peerUrls.join(",");
  const clients = clientUrl(description, member);
  return [
    `ETCD_NAME="${member.name}"`,
    `ETCD_INITIAL_CLUSTER="${cluster}"`,
    `ETCD_INITIAL_ADVERTISE_PEER_URLS="${peers}"`,
    `ETCD_INITIAL_CLUSTER_STATE="existing"`,
    "",
    "Start it with an empty data directory:",
    "",
    `${program} member --name ${member.name} --data-dir ${member.name}.etcd \\`,
    `  --initial-cluster '${cluster}' \\`,
    "  --initial-cluster-state existing \\",
    `  --listen-peer-urls ${member.peerUrls[0] ?? ""} --initial-advertise-peer-urls ${peers} \\`,
    `  --listen-client-urls ${clients} --advertise-client-urls ${clients}${pace.length === 0 ? "" : " \\"}`,
    ...(pace.length === 0 ? [] : [`  ${pace.join(" ")}`]),
  ].join("\n");
}

/** Every member by name; one that was never started has only its id, which does as well. */
function initialCluster(description: MembershipDescription, added: NewMember): string {
  return description.members
    .flatMap(({ id, name, peerUrls }) => {
      const called = id === added.id ? added.name : name === "" ? nodeIdOf(id) : name;
      return peerUrls.map((url) => `${called}=${url}`);
    })
    .join(",");
}

/** etcd's port for clients on the new member's machine, or the next odd one that no member is known to have. */
function clientUrl(description: MembershipDescription, { peerUrls }: NewMember): string {
  const { hostname } = new URL(peerUrls[0] ?? "http://localhost");
  const known = description.members.flatMap((member) => [...member.peerUrls, ...member.clientUrls]);
  const taken = new Set(
    [...known, ...peerUrls].filter((url) => URL.canParse(url)).map(hostAndPort),
  );
  let port: number = firstPorts.client;
  while (taken.has(`${hostname}:${port}`)) port += 2;
  return `http://${hostname}:${port}`;
}

function hostAndPort(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port}`;
}
