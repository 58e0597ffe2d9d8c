/**
 * `v3electionpb.Election`: who is first in a queue leads, and says so in the value of his key.
 *
 * Source: etcd server/etcdserver/api/v3election/election.go, client/v3/concurrency/election.go.
 */
import { equalBytes } from "@flotilla/base";
import { type Call, GrpcError, statusCode, type WriterCall } from "@flotilla/grpc";
import { decoded, type Methods, type ServiceContext } from "../context.ts";
import { Caller, withoutCodes } from "../lock/caller.ts";
import { decodeKey } from "../lock/messages.ts";
import {
  firstRequest,
  leavePlace,
  type Place,
  putInPlace,
  queuePrefix,
  takePlace,
  waitForTurn,
} from "../lock/queue.ts";
import {
  type CampaignRequest,
  decodeCampaignRequest,
  decodeLeaderRequest,
  type LeaderKey,
  type LeaderRequest,
  writeCampaign,
  writeLeader,
} from "./messages.ts";
import { observe } from "./observe.ts";

/** The methods of the Election service. */
export function electionMethods(context: ServiceContext): Methods {
  const service = new ElectionService(context);
  const unary = <T>(
    name: string,
    decode: (bytes: Uint8Array) => T,
    serve: (request: T, call: Call) => Promise<Uint8Array>,
  ): Methods[number] => [
    `/v3electionpb.Election/${name}`,
    context.unaryForClients(decode, (request, _, call) => withoutCodes(() => serve(request, call))),
  ];
  return [
    unary("Campaign", decodeCampaignRequest, (request, call) => service.campaign(request, call)),
    unary("Proclaim", decodeLeaderRequest, (request, call) => service.proclaim(request, call)),
    unary("Leader", decodeKey, (name, call) => service.leader(name, call)),
    unary("Resign", decodeLeaderRequest, (request, call) => service.resign(request, call)),
    [
      "/v3electionpb.Election/Observe",
      {
        kind: "serverStream",
        handle: (call, bytes) => service.observe(decoded(decodeKey, bytes), call),
      },
    ],
  ];
}

class ElectionService {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async campaign(request: CampaignRequest, call: Call): Promise<Uint8Array> {
    const caller = new Caller(this.#context, call);
    const [name, value] = [request.name.slice(), request.value.slice()]; // They outlive the request.
    const lease = await caller.session(request.lease);
    const place = await takePlace(caller, name, { lease, value });
    await this.#waitToLead(caller, place, { lease, value });
    const leader = { name, key: place.key, revision: place.createRevision, lease };
    return this.#context.answer(place.revision, (writer) => writeCampaign(writer, leader));
  }

  async #waitToLead(
    caller: Caller,
    place: Place,
    session: { readonly lease: bigint; readonly value: Uint8Array },
  ): Promise<void> {
    const { previous } = place;
    try {
      if (previous !== undefined && !equalBytes(previous.value, session.value)) {
        if ((await putInPlace(caller, place, session)) === undefined) throw notLeader();
      }
      // etcd does not look whether the candidate is still there, and tells two that they lead.
      if ((await waitForTurn(caller, place)) === undefined) throw notLeader();
    } catch (error) {
      await leavePlace(caller, place).catch(() => {}); // If it cannot be: the lease ends it.
      throw error;
    }
  }

  async proclaim(request: LeaderRequest, call: Call): Promise<Uint8Array> {
    const leader = present(request);
    const caller = new Caller(this.#context, call);
    const session = { value: request.value, lease: await caller.session(leader.lease) };
    const revision = await putInPlace(caller, placeOf(leader), session);
    if (revision === undefined) throw notLeader();
    return this.#context.answer(revision);
  }

  async leader(name: Uint8Array, call: Call): Promise<Uint8Array> {
    const { kvs, revision } = await new Caller(this.#context, call).get(
      firstRequest(queuePrefix(name)),
    );
    const [kv] = kvs;
    if (kv === undefined) throw new GrpcError(statusCode.unknown, "election: no leader");
    return this.#context.answer(revision, (writer) => writeLeader(writer, kv));
  }

  /** Who does not lead has nothing to resign from, which is no error. */
  async resign(request: LeaderRequest, call: Call): Promise<Uint8Array> {
    const leader = present(request);
    const caller = new Caller(this.#context, call);
    return this.#context.answer(await leavePlace(caller, placeOf(leader)));
  }

  /** What goes wrong on the way ends the stream, and not in an error: etcd's observers begin anew. */
  async observe(name: Uint8Array, call: WriterCall): Promise<void> {
    this.#context.checkServesClients();
    await this.#context.leaderFor(call);
    await this.#context.whileLed(call, this.#tellLeaders(name, call));
  }

  async #tellLeaders(name: Uint8Array, call: WriterCall): Promise<void> {
    const caller = new Caller(this.#context, call);
    try {
      for await (const { kv, revision } of observe(caller, queuePrefix(name))) {
        const answer = this.#context.answer(revision, (writer) => writeLeader(writer, kv));
        if (!call.write(answer)) await call.drained();
      }
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
    }
  }
}

function present({ leader }: LeaderRequest): LeaderKey {
  if (leader !== undefined) return leader;
  throw new GrpcError(statusCode.unknown, `"leader" field must be provided`);
}

function placeOf(leader: LeaderKey): Pick<Place, "key" | "createRevision"> {
  return { key: leader.key, createRevision: leader.revision };
}

function notLeader(): GrpcError {
  return new GrpcError(statusCode.unknown, "election: not leader");
}
