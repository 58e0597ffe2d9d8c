/**
 * `flotilla.v1.Membership`: everything about the members that etcd's Cluster service has no words for,
 * and changes of any number of them at once. The messages: ../codec/membership.ts.
 *
 * | method     | answers                                                                          |
 * |------------|----------------------------------------------------------------------------------|
 * | `Describe` | the configuration and the leader's progress; without a leader only the members   |
 * | `Change`   | the same, once the change is in force                                            |
 *
 * A change that is refused ends in a text that says what was tried, why not, and what to do:
 * INVALID_ARGUMENT when it can never be made, NOT_FOUND and ALREADY_EXISTS for the members that it
 * names, FAILED_PRECONDITION for the rest; NO LEADER and time-outs are etcd's.
 */
import { GrpcError, statusCode } from "@flotilla/grpc";
import { memberIdOf, nodeIdOf } from "@flotilla/member";
import {
  decodeMembershipChange,
  type MembershipChange,
  type MembershipStep,
  writeMembership,
} from "../codec/membership.ts";
import { type Methods, noFields, type ServiceContext } from "../context.ts";
import { describeMs } from "../limits.ts";
import { describeLeaderless, describeMembership, isolationOf } from "../membership/description.ts";
import { addedMemberId, parsePeerUrls } from "../membership/peer-urls.ts";
import type { Reconfiguration } from "../membership/reconfiguration.ts";
import { wordedDanger, wordedRefusal } from "../membership/refusals.ts";
import { isPeerUrlTaken } from "../membership/servers.ts";
import type {
  Configuration,
  ConfigurationChange,
  EngineStatus,
  NodeId,
} from "../membership/types.ts";

/** Its headers carry no revision, as those of etcd's Cluster service. */
const noRevision = 0;

/** The methods of the Membership service. */
export function membershipMethods(
  context: ServiceContext,
  reconfiguration: Reconfiguration,
): Methods {
  const service = new MembershipService(context, reconfiguration);
  return [
    [
      "/flotilla.v1.Membership/Describe",
      context.unary(noFields, (_, __, call) => service.describe(call.signal)),
    ],
    [
      "/flotilla.v1.Membership/Change",
      context.unary(decodeMembershipChange, (change, _, call) =>
        service.change(change, call.signal),
      ),
    ],
  ];
}

class MembershipService {
  readonly #context: ServiceContext;
  readonly #reconfiguration: Reconfiguration;

  constructor(context: ServiceContext, reconfiguration: Reconfiguration) {
    this.#context = context;
    this.#reconfiguration = reconfiguration;
  }

  async describe(signal: AbortSignal, added: readonly bigint[] = []): Promise<Uint8Array> {
    const { member } = this.#context;
    const status = await this.#leadersView(signal);
    const { staticLeader = 0n, ...ownStatus } = member.status();
    const own = { added, isolation: isolationOf(ownStatus) };
    const description =
      status === undefined
        ? describeLeaderless(member.members(), { ...own, staticLeader })
        : describeMembership(status, member.members(), own);
    return this.#context.answer(noRevision, (writer) => writeMembership(writer, description));
  }

  /** Undefined when no leader answers in time. */
  async #leadersView(signal: AbortSignal): Promise<EngineStatus | undefined> {
    const { member, timers } = this.#context;
    const late = new AbortController();
    const cancel = timers.after(describeMs, () => late.abort());
    try {
      return await member.clusterStatus(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (late.signal.aborted && !signal.aborted) return undefined;
      throw error;
    } finally {
      cancel();
    }
  }

  async change(change: MembershipChange, signal: AbortSignal): Promise<Uint8Array> {
    if (change.steps.length === 0) {
      throw new GrpcError(
        statusCode.invalidArgument,
        "Cannot change the members: no step is given",
      );
    }
    const unixSeconds = this.#context.unixSeconds();
    const changes = change.steps.map((step) => engineChange(step, unixSeconds));
    await this.#reconfiguration.change(
      {
        changes,
        force: change.force,
        check: ({ configuration }) => checkPeerUrls(configuration, changes),
        endangered: (verdict) => {
          throw wordedDanger(changes, verdict);
        },
        refused: (reason) => {
          throw wordedRefusal(changes, reason);
        },
      },
      signal,
    );
    return this.describe(signal, changes.filter((one) => one.kind === "add").map(idOf));
  }
}

const idOf = ({ id }: { readonly id: NodeId }): bigint => memberIdOf(id);

/** A step in the engine's words; a member that is new gets its id here. */
function engineChange(step: MembershipStep, unixSeconds: number): ConfigurationChange {
  switch (step.kind) {
    case "add": {
      const urls = checkedUrls(step.peerUrls);
      const id = nodeIdOf(addedMemberId(urls, unixSeconds));
      return { kind: "add", id, votes: step.votes, witness: step.isWitness, urls };
    }
    case "prefer":
      return { kind: "prefer", ids: step.ids.map(nodeIdOf) };
    case "staticLeader":
      return { kind: step.kind, id: step.id === 0n ? undefined : nodeIdOf(step.id) };
    case "urls":
      return { kind: step.kind, id: nodeIdOf(step.id), urls: checkedUrls(step.peerUrls) };
    case "promote":
    case "votes":
      return { kind: step.kind, id: nodeIdOf(step.id), votes: step.votes };
    case "remove":
    case "demote":
      return { kind: step.kind, id: nodeIdOf(step.id) };
  }
}

function checkedUrls(texts: readonly string[]): readonly string[] {
  const urls = parsePeerUrls(texts);
  if (urls !== undefined) return urls;
  throw new GrpcError(
    statusCode.invalidArgument,
    `Cannot use peer URLs ${JSON.stringify(texts)}: each must be http://host:port, without a path`,
  );
}

function checkPeerUrls(
  configuration: Configuration,
  changes: readonly ConfigurationChange[],
): void {
  const removed = new Set(changes.map((one) => (one.kind === "remove" ? one.id : "")));
  const servers = (configuration.servers ?? []).filter(({ id }) => !removed.has(id));
  for (const change of changes) {
    if (change.kind !== "add" && change.kind !== "urls") continue;
    const isTaken = isPeerUrlTaken({ ...configuration, servers }, change.urls ?? [], change.id);
    if (isTaken) throw wordedRefusal([change], "peerUrlTaken");
  }
}
