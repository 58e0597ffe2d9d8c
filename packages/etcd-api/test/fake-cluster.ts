/** Who takes part, without consensus: changes are made at once, and what should go wrong is a field. */
import { type ChangeMembersOutcome, type MemberInfo, memberIdOf, nodeIdOf } from "@flotilla/member";
import type {
  ChangeRefusal,
  Configuration,
  ConfigurationChange,
  EngineStatus,
  NodeId,
} from "../src/membership/types.ts";

interface Server {
  readonly name: string;
  readonly votes: number;
  readonly isWitness: boolean;
  readonly urls: readonly string[];
  readonly isActive: boolean;
}

export class FakeCluster {
  readonly servers = new Map<NodeId, Server>();
  readonly removed: NodeId[] = [];
  preferred: readonly NodeId[] = [];
  staticLeader: NodeId | undefined;
  /** Answered one after the other before anything is changed. */
  readonly refusals: ChangeRefusal[] = [];
  /** Everything that was asked for. */
  readonly asked: (readonly ConfigurationChange[])[] = [];
  /** What a change waits for before it is answered. */
  slowly: Promise<void> | undefined;
  /** Changes come into force and are never finished. */
  staysJoint = false;
  #outgoing: Configuration["outgoing"] = [];
  #finish = (): void => {};
  readonly #finished = new Promise<void>((resolve) => {
    this.#finish = resolve;
  });
  /** Transfers lead nowhere. */
  keepsLeader = false;
  /** Calls of `status` that find nobody active, as right after a leader's check of its quorum. */
  forgetfulLooks = 0;
  readonly #self: NodeId;

  constructor(self: bigint) {
    this.#self = nodeIdOf(self);
    this.put(this.#self, { name: "solo", urls: ["http://127.0.0.1:2380"] });
  }

  /** Adds a server, or changes what is said of it. A voter of one vote that runs, unless said otherwise. */
  put(id: NodeId, fields: Partial<Server>): void {
    const known = { name: id, votes: 1, isWitness: false, urls: [], isActive: true };
    this.servers.set(id, { ...known, ...this.servers.get(id), ...fields });
  }

  members(): readonly MemberInfo[] {
    const infos = [...this.servers].map(([id, server]) => ({
      id: memberIdOf(id),
      name: server.name,
      peerUrls: server.urls,
      clientUrls: server.name === "" ? [] : ["http://127.0.0.1:2379"],
      apiUrl: "",
      isLearner: server.votes === 0,
      votes: server.votes,
      isWitness: server.isWitness,
      preferredRank: this.preferred.indexOf(id) + 1,
    }));
    return infos.sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  get configuration(): Configuration {
    const servers = [...this.servers];
    const ids = (chosen: (server: Server) => boolean) =>
      servers.filter(([, server]) => chosen(server)).map(([id]) => id);
    return {
      voters: servers
        .filter(([, { votes }]) => votes > 0)
        .map(([id, { votes }]) => ({ id, votes })),
      learners: ids(({ votes }) => votes === 0),
      outgoing: this.#outgoing,
      witnesses: ids(({ isWitness }) => isWitness),
      preferred: this.preferred,
      ...(this.staticLeader === undefined ? {} : { staticLeader: this.staticLeader }),
      removed: this.removed,
      servers: servers.map(([id, { urls }]) => ({ id, urls, incarnation: 0 })),
    };
  }

  /** Ends the joint phase that `staysJoint` has begun. */
  leaveJoint(): void {
    this.staysJoint = false;
    this.#outgoing = [];
    this.#finish();
  }

  status(): EngineStatus {
    const forgets = this.forgetfulLooks > 0;
    if (forgets) this.forgetfulLooks--;
    const others = [...this.servers].filter(([id]) => id !== this.#self);
    return {
      id: this.#self,
      role: "leader",
      term: 7,
      leader: this.#self,
      commitIndex: 90,
      appliedIndex: 90,
      firstIndex: 1,
      lastIndex: 100,
      configuration: this.configuration,
      configurationIndex: 5,
      isConfigurationCommitted: true,
      transferTarget: "",
      progress: new Map(
        others.map(([id, { isActive }]) => [
          id,
          {
            matchIndex: isActive ? 80 : 0,
            state: "replicate",
            recentlyActive: isActive && !forgets,
          },
        ]),
      ),
    };
  }

  async change(
    changes: readonly ConfigurationChange[],
    signal?: AbortSignal,
  ): Promise<ChangeMembersOutcome> {
    this.asked.push(changes);
    const reason = this.refusals.shift();
    if (reason !== undefined) return { kind: "refused", reason };
    if (this.#outgoing.length > 0) await this.#finished; // The one before, as at a leader.
    if (this.staysJoint) this.#outgoing = this.configuration.voters;
    for (const change of changes) this.#apply(change);
    if (this.staysJoint) return givenUp(signal);
    await this.slowly;
    return { kind: "changed", configuration: this.configuration };
  }

  #apply(change: ConfigurationChange): void {
    if (change.kind === "add") {
      const { id, votes, witness = false, urls = [] } = change;
      this.put(id, { name: "", votes, isWitness: witness, urls, isActive: false });
    } else if (change.kind === "remove") {
      this.servers.delete(change.id);
      this.removed.push(change.id);
    } else if (change.kind === "prefer") this.preferred = change.ids;
    else if (change.kind === "staticLeader") this.staticLeader = change.id;
    else if (change.kind === "urls") this.put(change.id, { urls: change.urls });
    else this.put(change.id, { votes: change.kind === "demote" ? 0 : change.votes });
  }
}

/** Never answers. */
function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}
