/**
 * Lets clients do what a scenario says, and keeps what they did and saw.
 *
 * Whatever an operation needs to know that only the run can tell (the revision that its client saw
 * last, say) is looked up when it begins.
 */
import type { ConfigurationChange, NodeId } from "@flotilla/consensus";
import type { ChangeConfigurationOutcome } from "@flotilla/replica";
import type { CommandResult } from "@flotilla/store";
import type {
  Input,
  LeaseCall,
  LeaseHistory,
  Operation,
  Output,
  WatchHistory,
} from "../checkers/index.ts";
import type { ClientOperation, ScenarioChange } from "../scenario/scenario.ts";
import { ClientCall, type Serve } from "./client-call.ts";
import type { ClientWorld } from "./client-world.ts";
import { commandOf, outputOf, proposing, reading } from "./key-operations.ts";
import type { Ledger } from "./ledger.ts";
import { WatchClient } from "./watch-client.ts";

/** What the workload asks of whoever runs the servers. */
export interface Operator {
  /** False when the change would leave servers without a quorum that can no longer run. */
  allows(change: ScenarioChange): boolean;
  /** Called when a change is asked for: a new server has to run before it can learn. */
  begin(change: ScenarioChange): void;
  /** Called when it is known what became of it. */
  ended(change: ScenarioChange): void;
  changeOf(change: ScenarioChange): ConfigurationChange;
  idOf(server: number): string;
}

interface KeyCall {
  readonly client: number;
  readonly key: string;
  readonly input: Input;
  readonly call: ClientCall<Output>;
}

interface LeaseRecord {
  readonly ttlMs: number;
  readonly grant: ClientCall<boolean>;
  readonly keepalives: ClientCall<boolean>[];
  readonly revokes: ClientCall<boolean>[];
}

/** Whoever looks whether the servers serve. */
const probeClient = -1;
const probeKey = "probe";

export class Workload {
  readonly #clients: ClientWorld;
  readonly #operator: Operator;
  readonly #ledger: Ledger;
  readonly #keyCalls: KeyCall[] = [];
  readonly #watches: WatchClient[] = [];
  readonly #leases: Map<string, LeaseRecord> = new Map<string, LeaseRecord>();
  /** By client and key: the modification revision that it saw last. */
  readonly #seen: Map<string, number> = new Map<string, number>();
  /** All that was ever asked; `isForLeader`: the server has to ask whoever leads. */
  readonly #calls: {
    readonly call: Pick<ClientCall<unknown>, "server" | "unansweredTicks">;
    readonly isForLeader: boolean;
  }[] = [];
  #probes = 0;
  /** How changes of the configuration ended, by outcome. */
  readonly changes: Record<string, number> = {};

  constructor(clients: ClientWorld, operator: Operator, ledger: Ledger) {
    this.#clients = clients;
    this.#operator = operator;
    this.#ledger = ledger;
  }

  /** Begins one operation. */
  start(client: number, operation: ClientOperation): void {
    const { server } = operation;
    switch (operation.kind) {
      case "put": {
        const { key, value, lease } = operation;
        this.#write(client, server, key, {
          kind: "put",
          value,
          ...(lease === undefined ? {} : { lease: String(lease) }),
        });
        break;
      }
      case "delete":
        this.#write(client, server, operation.key, { kind: "delete" });
        break;
      case "cas":
        this.#compareAndSet(client, operation);
        break;
      case "get":
        this.#get(client, operation);
        break;
      case "watch":
        this.#watches.push(new WatchClient(this.#clients, { client, ...operation }));
        break;
      case "grant":
      case "keepalive":
      case "revoke":
        this.#lease(operation);
        break;
      case "compact":
        this.#compact(operation);
        break;
      case "transfer":
        this.#transfer(operation);
        break;
      case "change":
        this.#change(operation);
        break;
    }
  }

  /** Writes a key at `server`, or reads it, to see that it serves; asks again until it does. */
  probe(kind: "write" | "read", server: number, onServed: () => void): void {
    this.#probes++;
    const input: Input =
      kind === "read" ? { kind: "get" } : { kind: "put", value: `probe ${this.#probes}` };
    this.#call(probeClient, server, probeKey, input, ({ returnedAt }) => {
      if (returnedAt !== undefined) onServed();
      else this.probe(kind, server, onServed);
    });
  }

  operations(): Operation[] {
    const operations = this.#keyCalls.map(
      ({ client, key, input, call }): Operation => ({
        client,
        server: this.#operator.idOf(call.server),
        key,
        input,
        calledAt: call.calledAt,
        returnedAt: call.returnedAt,
        output: call.answer,
      }),
    );
    return [...operations, ...this.#expiries(operations)];
  }

  /** `dueRevision`: what watchers at servers that must serve have been told by now. */
  watches(dueRevision: number, mustServe: (server: NodeId) => boolean): WatchHistory[] {
    return this.#watches.map((watch) => watch.history(dueRevision, mustServe));
  }

  /** Whom a server has left without an answer for longer than so many ticks of its own clock. */
  unanswered(limits: {
    readonly ticksMax: number;
    readonly leaderTicksMax: number;
  }): { readonly server: NodeId; readonly ticks: number } | undefined {
    const found = this.#calls.find(
      ({ call, isForLeader }) =>
        call.unansweredTicks > (isForLeader ? limits.leaderTicksMax : limits.ticksMax),
    );
    if (found === undefined) return undefined;
    const { server, unansweredTicks } = found.call;
    return { server: this.#operator.idOf(server), ticks: unansweredTicks };
  }

  leases(): LeaseHistory[] {
    return [...this.#leases].map(([lease, { ttlMs, grant, keepalives, revokes }]) => {
      const fate = this.#ledger.leases.get(lease);
      return {
        lease,
        ttlMs,
        grant: leaseCall(grant),
        keepalives: keepalives.map(leaseCall),
        revokes: revokes.map(leaseCall),
        refusals: this.#refusals(lease),
        endedAtMs: fate?.endedAtMs,
        keys: fate?.keys ?? [],
      };
    });
  }

  #write(client: number, server: number, key: string, input: Input): void {
    this.#call(client, server, key, input, (call) => {
      const { answer } = call;
      if (answer?.kind === "put" || (answer?.kind === "cas" && answer.succeeded)) {
        this.#seen.set(`${client} ${key}`, answer.revision);
      } else if (answer?.kind === "delete") this.#seen.set(`${client} ${key}`, 0);
    });
  }

  #get(client: number, operation: Extract<ClientOperation, { kind: "get" }>): void {
    const { server, key, isSerializable } = operation;
    const input: Input = isSerializable ? { kind: "get", serializable: true } : { kind: "get" };
    this.#call(client, server, key, input, ({ answer }) => {
      if (answer?.kind !== "get" || isSerializable) return;
      this.#seen.set(`${client} ${key}`, answer.found?.modRevision ?? 0);
    });
  }

  #compareAndSet(client: number, operation: Extract<ClientOperation, { kind: "cas" }>): void {
    const { server, key, value, expect, lease } = operation;
    const seen = expect === "absent" ? 0 : (this.#seen.get(`${client} ${key}`) ?? 0);
    this.#write(client, server, key, {
      kind: "cas",
      compare:
        seen === 0 ? { target: "version", equals: 0 } : { target: "modRevision", equals: seen },
      value,
      ...(lease === undefined ? {} : { lease: String(lease) }),
    });
  }

  #call(
    client: number,
    server: number,
    key: string,
    input: Input,
    onEnd: (call: ClientCall<Output>) => void,
  ): void {
    const command = commandOf(key, input);
    const isSerializable = input.kind === "get" && input.serializable === true;
    const serve =
      command === undefined ? reading(key, isSerializable) : proposing(command, outputOf);
    const isBound = client === probeClient;
    const what = { server, isRepeatable: command === undefined, isBound, serve };
    const call = this.#ask<Output>(what, onEnd);
    this.#keyCalls.push({ client, key, input, call });
  }

  #ask<Answer>(
    what: ConstructorParameters<typeof ClientCall<Answer>>[1],
    onEnd: (call: ClientCall<Answer>) => void = () => {},
    isForLeader = false,
  ): ClientCall<Answer> {
    const call = new ClientCall<Answer>(this.#clients, what, onEnd);
    this.#calls.push({ call, isForLeader });
    return call;
  }

  #lease(operation: Extract<ClientOperation, { kind: "grant" | "keepalive" | "revoke" }>): void {
    const { server, lease } = operation;
    const id = BigInt(lease);
    const ask = (serve: Serve<boolean>): ClientCall<boolean> =>
      this.#ask<boolean>(
        { server, isRepeatable: false, serve },
        undefined,
        operation.kind === "keepalive",
      );
    const isDone = (result: CommandResult): boolean => result.kind !== "refused";
    if (operation.kind === "grant") {
      const { ttlSeconds } = operation;
      this.#leases.set(String(lease), {
        ttlMs: ttlSeconds * 1000,
        grant: ask(proposing({ kind: "leaseGrant", id, ttlSeconds }, isDone)),
        keepalives: [],
        revokes: [],
      });
      return;
    }
    const record = this.#leases.get(String(lease));
    if (operation.kind === "revoke") {
      record?.revokes.push(ask(proposing({ kind: "leaseRevoke", id }, isDone)));
    } else record?.keepalives.push(ask(renewing(id)));
  }

  #compact({ server, behind }: Extract<ClientOperation, { kind: "compact" }>): void {
    const revision = this.#ledger.revision - behind;
    if (revision <= 1) return;
    const serve = proposing({ kind: "compact", revision, physical: false }, () => true);
    this.#ask<boolean>({ server, isRepeatable: false, serve });
  }

  #transfer({ server, to }: Extract<ClientOperation, { kind: "transfer" }>): void {
    const target = this.#operator.idOf(to);
    const serve: Serve<boolean> = (process, done) => {
      process.replica?.transferLeadership(target);
      done({ kind: "answered", answer: true });
    };
    this.#ask<boolean>({ server, isRepeatable: false, serve });
  }

  #change({ server, change }: Extract<ClientOperation, { kind: "change" }>): void {
    if (!this.#operator.allows(change)) {
      this.#countChange("notAllowed");
      return;
    }
    this.#operator.begin(change);
    const steps = [this.#operator.changeOf(change)];
    const serve: Serve<ChangeConfigurationOutcome> = (process, done) => {
      process.replica?.change(steps, (outcome) => {
        const isEnd = outcome.kind === "changed" || outcome.kind === "refused";
        done(isEnd ? { kind: "answered", answer: outcome } : { kind: "unknown" });
      });
    };
    const what = { server, isRepeatable: false, serve };
    const onEnd = ({ answer }: ClientCall<ChangeConfigurationOutcome>): void => {
      if (answer !== undefined) this.#operator.ended(change);
      this.#countChange(answer?.kind === "refused" ? answer.reason : (answer?.kind ?? "unknown"));
    };
    this.#ask<ChangeConfigurationOutcome>(what, onEnd, true);
  }

  #refusals(lease: string): LeaseCall[] {
    const isRefusal = ({ input, call }: KeyCall): boolean =>
      "lease" in input && input.lease === lease && call.answer?.kind === "refused";
    return this.#keyCalls.filter(isRefusal).map(({ call }) => timesOf(call, false));
  }

  #countChange(outcome: string): void {
    this.changes[outcome] = (this.changes[outcome] ?? 0) + 1;
  }

  /** What the system may have done to keys with a lease that ended. */
  #expiries(operations: readonly Operation[]): Operation[] {
    const expiries: Operation[] = [];
    for (const [lease, { grant }] of this.#leases) {
      if (this.#ledger.leases.get(lease)?.endedAtMs === undefined) continue;
      const keys = new Set<string>();
      for (const { key, input } of operations) {
        if ((input.kind === "put" || input.kind === "cas") && input.lease === lease) keys.add(key);
      }
      for (const key of keys) expiries.push(expiry(lease, key, grant));
    }
    return expiries;
  }
}

/** At any time after the lease was asked for; when it may end is judged elsewhere. */
function expiry(lease: string, key: string, { calledAt }: ClientCall<boolean>): Operation {
  return {
    client: -1,
    server: "",
    key,
    input: { kind: "expire", lease },
    calledAt,
    returnedAt: undefined,
    output: undefined,
  };
}

function renewing(id: bigint): Serve<boolean> {
  return (process, done) => {
    process.replica?.renewLease(id, (outcome) => {
      if (outcome.kind === "renewed") done({ kind: "answered", answer: true });
      else if (outcome.kind === "leaseNotFound") done({ kind: "answered", answer: false });
      else done({ kind: "unknown" });
    });
  };
}

function leaseCall(call: ClientCall<boolean>): LeaseCall {
  return timesOf(call, call.answer === true);
}

function timesOf(
  { calledAt, returnedAt }: Pick<ClientCall<unknown>, "calledAt" | "returnedAt">,
  isAcknowledged: boolean,
): LeaseCall {
  return { calledAtMs: calledAt.atMs, returnedAtMs: returnedAt?.atMs, isAcknowledged };
}
