/** Who the members are: `etcdserverpb.Cluster`. */
import type { Channel } from "./channel.ts";
import {
  encodeMemberAdd,
  encodeMemberId,
  encodeMemberList,
  type MemberEntry,
  readAdded,
  readMembers,
} from "./codec/cluster.ts";
import { decodeWith } from "./codec/header.ts";
import { EtcdError } from "./errors.ts";
import type { CallOptions } from "./options.ts";

const service = "/etcdserverpb.Cluster";

export class Cluster {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Sorted by id. `serializable`: as the member that is asked knows them. */
  async members(
    options: CallOptions & { readonly serializable?: boolean } = {},
  ): Promise<readonly MemberEntry[]> {
    const request = encodeMemberList(options.serializable !== true);
    const call = { ...options, isRepeatable: true };
    const answer = await this.#channel.unary(`${service}/MemberList`, request, call);
    return decodeWith(answer, (reader) => readMembers(reader));
  }

  /** Makes the client URLs that members advertise the client's endpoints. */
  async syncEndpoints(options: CallOptions = {}): Promise<readonly string[]> {
    const members = await this.members(options);
    const urls = members.filter((one) => !one.isLearner).flatMap((one) => one.clientUrls);
    if (urls.length > 0) this.#channel.setEndpoints(urls);
    return this.#channel.endpoints;
  }

  /** Adds a member that is not running yet. */
  async add(
    peerUrls: readonly string[],
    { isLearner = false, ...options }: CallOptions & { readonly isLearner?: boolean } = {},
  ): Promise<MemberEntry> {
    const answer = await this.#write("MemberAdd", encodeMemberAdd(peerUrls, isLearner), options);
    const added = decodeWith(answer, readAdded);
    if (added !== undefined) return added;
    throw new EtcdError("badResponse", "The answer does not say who was added");
  }

  async remove(id: bigint, options: CallOptions = {}): Promise<void> {
    await this.#write("MemberRemove", encodeMemberId(id), options);
  }

  async update(id: bigint, peerUrls: readonly string[], options: CallOptions = {}): Promise<void> {
    await this.#write("MemberUpdate", encodeMemberId(id, peerUrls), options);
  }

  /** Makes a learner a voter. */
  async promote(id: bigint, options: CallOptions = {}): Promise<void> {
    await this.#write("MemberPromote", encodeMemberId(id), options);
  }

  #write(method: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const call = { ...options, isRepeatable: false };
    return this.#channel.unary(`${service}/${method}`, request, call);
  }
}
