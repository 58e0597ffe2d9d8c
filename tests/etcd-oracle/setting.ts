/** What a script is run against: one server, or a cluster of three. */
import { ServerCluster } from "./server-cluster.ts";
import { type Deed, type RunningServer, type Side, startServer } from "./servers.ts";
import { idOf } from "./status.ts";

export interface Setting {
  /** etcd's flags. */
  readonly flags: readonly string[];
  /** How many found the cluster: 1 or 3. */
  readonly members?: number;
}

const founders = ["m1", "m2", "m3"];

/** Starts it, fresh. */
export function startFor(side: Side, { flags, members = 1 }: Setting): Promise<RunningServer> {
  return members === 1 ? startServer(side, flags) : startThree(side, flags);
}

async function startThree(side: Side, flags: readonly string[]): Promise<RunningServer> {
  const cluster = await ServerCluster.start(side, { names: founders, flags });
  await cluster.place("m4");
  const leader = await cluster.settled();
  const [f1 = "", f2 = ""] = founders.filter((name) => name !== leader);
  const roles: Readonly<Record<string, string>> = { "": leader, leader, f1, f2, m4: "m4" };
  const nameOf = (role: string): string => {
    const name = roles[role];
    if (name === undefined) throw new Error(`no member is called ${role}`);
    return name;
  };
  const names: Record<string, string> = {};
  for (const role of ["leader", "f1", "f2", "m4"]) {
    const name = nameOf(role);
    names[`$peerUrl:${role}`] = cluster.peerUrl(name);
    names[`$clientUrl:${role}`] = cluster.clientUrl(name);
    names[`$name:${role}`] = name;
    if (role !== "m4") names[`$${role}`] = String(idOf(await cluster.status(name)));
  }
  return {
    side,
    endpoint: cluster.endpoint(leader),
    clientUrl: cluster.clientUrl(leader),
    peerUrl: cluster.peerUrl(leader),
    members: {
      names,
      endpoint: (role) => cluster.endpoint(nameOf(role)),
      perform: (deed, to) => perform(cluster, deed, nameOf(to)),
    },
    close: () => cluster.close(),
  };
}

async function perform(cluster: ServerCluster, deed: Deed, name: string): Promise<void> {
  switch (deed) {
    case "kill":
      return cluster.kill(name);
    case "start":
      return cluster.start(name);
    case "join":
      cluster.join(name, ...founders);
      return cluster.answers(name);
    case "miss the leader":
      return cluster.leaderless(name);
    case "find a leader":
      await cluster.settled();
  }
}
