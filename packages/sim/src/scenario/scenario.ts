/**
 * A run as data: what there is, what goes wrong when, and what clients ask for when.
 *
 * A scenario and nothing else decides a run, so that one can be kept, shrunk and told. Times are
 * those of the world, in milliseconds from the start of the run. Servers are named by their place in
 * `servers`. Pure.
 */
import type { DiskSpeed } from "../disk/simulated-disk.ts";
import type { StateSpeed } from "../state/simulated-state.ts";
import type { LinkQuality } from "../world/network.ts";
import type { DirectedLink, PartitionShape } from "../world/topology.ts";

/** A server that there is, or may come to be. */
export interface ScenarioServer {
  readonly id: string;
  /** Founds the cluster with so many votes; 0: starts when an operation adds it. */
  readonly votes: number;
  readonly isWitness: boolean;
  readonly isLearner: boolean;
}

/** How all servers of a run are set up. */
export interface ScenarioOptions {
  readonly heartbeatMs: number;
  readonly electionTicks: number;
  readonly requestMs: number;
  readonly snapshotEntries: number;
  readonly catchUpEntries: number;
  readonly segmentBytes: number;
  readonly stepBytes: number;
  readonly inflightMessagesMax: number;
  readonly appendBytesMax: number;
  readonly promotionLagEntriesMax: number;
  /** 0: reads go through a quorum. */
  readonly leaseReadMs: number;
  readonly preferTicks: number;
  /** Indexes into `servers`, most wanted first. */
  readonly preferred: readonly number[];
  readonly sessionsMax: number;
  readonly compactRows: number;
  /** Every message is encoded when it is sent and decoded when it arrives. */
  readonly isEncoded: boolean;
  /** What one turn of a server's event loop waits for others to join it. */
  readonly turnMs: number;
  readonly disk: DiskSpeed;
  readonly state: StateSpeed;
  readonly network: LinkQuality;
  /** From a client to a server, or back. */
  readonly clientDelayMs: number;
  /** Entries that a server applies in one go, and may have waiting before it takes no more in. */
  readonly applyEntriesMax: number;
  readonly applyQueueEntriesMax: number;
}

/** What is done to the world. A fault that lasts ends by itself, or with the heal. */
export type Fault =
  /**
   * `power`: of the machine, or else only the process dies. `isInWrite`: not now, but in the middle of
   * the next write of its disk. It starts again after `downMs`.
   */
  | {
      readonly kind: "crash";
      readonly server: number;
      readonly power: boolean;
      readonly isInWrite: boolean;
      readonly downMs: number;
    }
  | { readonly kind: "pause"; readonly server: number; readonly forMs: number }
  /**
   * Whoever leads, or else this server, stands still, and is cut off from the others, though not from
   * its clients, for longer: a machine that is moved while it runs. `isHeld`: what the others send it
   * meanwhile comes late instead of never.
   */
  | {
      readonly kind: "eclipse";
      readonly server: number;
      readonly forMs: number;
      readonly cutMs: number;
      readonly isHeld: boolean;
    }
  /** The disk is replaced by an empty one; the server starts again under its old id. */
  | { readonly kind: "wipe"; readonly server: number }
  | {
      readonly kind: "cut";
      readonly shape: PartitionShape;
      readonly links: readonly DirectedLink[];
      readonly isNoticed: boolean;
      readonly forMs: number;
    }
  | { readonly kind: "clog"; readonly link: DirectedLink; readonly forMs: number }
  | {
      readonly kind: "degrade";
      readonly link: DirectedLink;
      readonly quality: LinkQuality;
      readonly forMs: number;
    }
  | { readonly kind: "clockRate"; readonly server: number; readonly rate: number }
  | { readonly kind: "clockLeap"; readonly server: number; readonly byMs: number }
  | { readonly kind: "diskStall"; readonly server: number; readonly forMs: number }
  | {
      readonly kind: "diskSlow";
      readonly server: number;
      readonly factor: number;
      readonly forMs: number;
    }
  | { readonly kind: "diskFull"; readonly server: number; readonly forMs: number }
  /** The next write fails, and what it leaves is not known. */
  | { readonly kind: "diskError"; readonly server: number }
  /** Acknowledges writes that the power loss at its end takes back. */
  | { readonly kind: "diskLie"; readonly server: number; readonly forMs: number }
  /** One bit flips at `place` (0 to 1) of what is stored; the server is started again on it. */
  | { readonly kind: "bitFlip"; readonly server: number; readonly place: number }
  /**
   * All machines but this one are destroyed or, where they are no quorum, left behind: those come back
   * after `downMs`. An operator makes the survivor the only member of a new epoch.
   */
  | { readonly kind: "recover"; readonly server: number; readonly downMs: number }
  /** After each slice that it applies the server does nothing for so long. */
  | {
      readonly kind: "slowApply";
      readonly server: number;
      readonly stallMs: number;
      readonly forMs: number;
    }
  /**
   * This server, or with `isLeader` whoever leads, takes its store for wrong, and has it replaced by the
   * leader's. It is given up where nobody is left who could lead and send it, and, unless that is 0, when
   * it has not come after `patienceMs`: then it is tried again after as long.
   */
  | {
      readonly kind: "replaceState";
      readonly server: number;
      readonly isLeader: boolean;
      readonly patienceMs: number;
    };

/** The kinds of {@link Fault}. */
export const faultKinds: readonly Fault["kind"][] = [
  "crash",
  "pause",
  "eclipse",
  "wipe",
  "cut",
  "clog",
  "degrade",
  "clockRate",
  "clockLeap",
  "diskStall",
  "diskSlow",
  "diskFull",
  "diskError",
  "diskLie",
  "bitFlip",
  "recover",
  "slowApply",
  "replaceState",
];

/** What a client asks for. `server` is whom it asks first. Values are unique in a run. */
export type ClientOperation =
  | {
      readonly kind: "put";
      readonly server: number;
      readonly key: string;
      readonly value: string;
      readonly lease?: number;
    }
  | {
      readonly kind: "get";
      readonly server: number;
      readonly key: string;
      readonly isSerializable: boolean;
    }
  /** `expect`: the key is absent, or is as this client saw it last. */
  | {
      readonly kind: "cas";
      readonly server: number;
      readonly key: string;
      readonly value: string;
      readonly expect: "absent" | "seen";
      readonly lease?: number;
    }
  | { readonly kind: "delete"; readonly server: number; readonly key: string }
  /** Keys from `from` to `to`, which is left out; without it only `from`. Goes on to the end of the run. */
  | {
      readonly kind: "watch";
      readonly server: number;
      readonly from: string;
      readonly to: string | undefined;
    }
  | {
      readonly kind: "grant";
      readonly server: number;
      readonly lease: number;
      readonly ttlSeconds: number;
    }
  | { readonly kind: "keepalive"; readonly server: number; readonly lease: number }
  | { readonly kind: "revoke"; readonly server: number; readonly lease: number }
  /** Drops history before the revision that is `behind` the newest that the client knows. */
  | { readonly kind: "compact"; readonly server: number; readonly behind: number }
  | { readonly kind: "transfer"; readonly server: number; readonly to: number }
  | { readonly kind: "change"; readonly server: number; readonly change: ScenarioChange };

/** A step of a change of who takes part, by places in `servers`. */
export type ScenarioChange =
  | {
      readonly kind: "add";
      readonly subject: number;
      readonly votes: number;
      readonly isWitness: boolean;
    }
  | { readonly kind: "remove" | "demote"; readonly subject: number }
  | { readonly kind: "promote" | "votes"; readonly subject: number; readonly votes: number }
  | { readonly kind: "prefer"; readonly subjects: readonly number[] }
  | { readonly kind: "staticLeader"; readonly subject: number | undefined };

export interface Scenario {
  readonly seed: number;
  readonly options: ScenarioOptions;
  readonly servers: readonly ScenarioServer[];
  readonly clients: number;
  /** In order of time, all before `healAtMs`. */
  readonly faults: readonly { readonly atMs: number; readonly fault: Fault }[];
  /** In order of time, all before `healAtMs`. */
  readonly operations: readonly {
    readonly atMs: number;
    readonly client: number;
    readonly operation: ClientOperation;
  }[];
  /** All faults end, every server that can run runs, and the cluster has to serve. */
  readonly healAtMs: number;
  /** By then it must have shown that it does. */
  readonly untilMs: number;
}
