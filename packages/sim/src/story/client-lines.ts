/** Tells what clients ask for and are told. Pure. */
import type { LeaseHistory, Operation, Output } from "../checkers/index.ts";
import type { ClientOperation, ScenarioChange } from "../scenario/scenario.ts";
import type { Line } from "./line.ts";

/** Whoever looks, at the end, whether the servers serve. */
const probeClient = -1;

/** Calls and answers about keys. */
export function operationLines(operations: readonly Operation[]): Line[] {
  return operations.flatMap((operation) => {
    const { client, server, calledAt, returnedAt, output, input } = operation;
    if (input.kind === "expire") return []; // Told with its lease.
    const who = client === probeClient ? "probe" : `c${client}`;
    const what = askedText(operation);
    const unknown = returnedAt === undefined ? " (never learns what became of it)" : "";
    const asks: Line = { atMs: calledAt.atMs, who, text: `asks to ${what}${unknown}` };
    if (returnedAt === undefined || output === undefined) return [asks];
    const since = ` (${what}, through ${server}, asked at ${calledAt.atMs.toFixed(2)})`;
    return [asks, { atMs: returnedAt.atMs, who, text: `is told: ${outputText(output)}${since}` }];
  });
}

/** What became of leases and of the keys attached to them. */
export function leaseLines(leases: readonly LeaseHistory[]): Line[] {
  return leases.flatMap(({ lease, grant, endedAtMs, keys }) => {
    const lines: Line[] = [];
    const add = (atMs: number | undefined, text: string): void => {
      if (atMs !== undefined) lines.push({ atMs, who: "", text });
    };
    add(grant.returnedAtMs, `the client is told: lease ${lease} ${granted(grant.isAcknowledged)}`);
    add(endedAtMs, `lease ${lease} has ended`);
    for (const { key, atMs, kind } of keys) add(atMs, `${key} is ${kind} (lease ${lease})`);
    return lines;
  });
}

function granted(isAcknowledged: boolean): string {
  return isAcknowledged ? "is granted" : "is refused";
}

/** What is asked for that is not about a key; keys have {@link operationLines}. */
export function requestText(
  operation: ClientOperation,
  name: (server: number) => string,
): string | undefined {
  const at = `asks ${name(operation.server)} to`;
  switch (operation.kind) {
    case "put":
    case "get":
    case "cas":
    case "delete":
      return undefined;
    case "watch":
      return `${at} watch ${operation.from}${operation.to === undefined ? "" : `..${operation.to}`}`;
    case "grant":
      return `${at} grant lease ${operation.lease} for ${operation.ttlSeconds} s`;
    case "keepalive":
      return `${at} keep lease ${operation.lease} alive`;
    case "revoke":
      return `${at} revoke lease ${operation.lease}`;
    case "compact":
      return `${at} drop history, up to ${operation.behind} revisions ago`;
    case "transfer":
      return `${at} hand leadership to ${name(operation.to)}`;
    case "change":
      return `${at} change the members: ${changeText(operation.change, name)}`;
  }
}

function changeText(change: ScenarioChange, name: (server: number) => string): string {
  switch (change.kind) {
    case "add": {
      const role = change.isWitness ? " as a witness" : "";
      return `add ${name(change.subject)} with ${change.votes} votes${role}`;
    }
    case "remove":
    case "demote":
      return `${change.kind} ${name(change.subject)}`;
    case "promote":
      return `promote ${name(change.subject)} to ${change.votes} votes`;
    case "votes":
      return `give ${name(change.subject)} ${change.votes} votes`;
    case "prefer":
      return change.subjects.length === 0
        ? "prefer nobody"
        : `prefer ${change.subjects.map(name).join(" ")}`;
    case "staticLeader":
      return change.subject === undefined
        ? "let anybody lead"
        : `let only ${name(change.subject)} lead`;
  }
}

function askedText({ key, input }: Operation): string {
  switch (input.kind) {
    case "put":
      return `put ${key}=${input.value}${leaseText(input.lease)}`;
    case "get":
      return `get ${key}${input.serializable === true ? ", however old" : ""}`;
    case "delete":
      return `delete ${key}`;
    case "expire":
      return `let ${key} go with lease ${input.lease}`;
    case "cas": {
      const { target, equals } = input.compare;
      const isAbsent = equals === 0 || equals === undefined;
      const condition = isAbsent ? "absent" : `at ${target} ${equals}`;
      return `put ${key}=${input.value}${leaseText(input.lease)} if it is ${condition}`;
    }
  }
}

function leaseText(lease: string | undefined): string {
  return lease === undefined ? "" : ` with lease ${lease}`;
}

function outputText(output: Output): string {
  switch (output.kind) {
    case "put":
      return `done at revision ${output.revision}`;
    case "get": {
      const { found, revision } = output;
      const what =
        found === undefined ? "absent" : `${found.value}, written at revision ${found.modRevision}`;
      return `${what}; now is revision ${revision}`;
    }
    case "cas":
      return `${output.succeeded ? "done" : "not done"} at revision ${output.revision}`;
    case "delete":
      return `${output.deleted} deleted at revision ${output.revision}`;
    case "expire":
      return "expired";
    case "refused":
      return "refused";
  }
}
