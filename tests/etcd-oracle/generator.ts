/**
 * Random requests on a small set of keys, so that they meet each other: made from a seed and from
 * the answers so far. The same seed and the same answers make the same requests.
 */
import { Prng } from "@flotilla/base";
import { zero } from "./corpus/requests.ts";
import type { Json, Message } from "./protobuf.ts";
import type { Script } from "./recording.ts";
import type { Request } from "./session.ts";

/** `count` requests, and at the end the whole store and the whole history. */
export function* randomRequests(seed: number, count: number): Script {
  const make = new Maker(new Prng(seed));
  for (let at = 0; at < count; at++) {
    const step = yield make.request();
    const header = step.answer?.["header"] as { readonly revision?: number } | undefined;
    if (header?.revision !== undefined) make.revision = header.revision;
    if ("call" in step && step.call === "KV/Compact" && step.answer !== undefined) {
      make.compacted = Number(step.request["revision"] ?? 0);
    }
  }
  yield { call: "KV/Range", request: { key: zero, range_end: zero } };
  yield { call: "Lease/LeaseLeases", request: {}, opaque: ["leases"] };
  yield { open: "Watch/Watch", stream: "w" };
  const start_revision = Math.max(make.compacted, 1);
  const create_request = { key: zero, range_end: zero, start_revision, prev_kv: true };
  yield { send: "w", request: { create_request } };
  yield { take: "w", merge: true };
}

const depthMax = 3;

class Maker {
  /** Of the store, as far as is known. */
  revision = 1;
  compacted = 0;
  readonly #random: Prng;

  constructor(random: Prng) {
    this.#random = random;
  }

  request(): Request {
    const draw = this.#random.below(100);
    if (draw < 25) return { call: "KV/Put", request: this.#put() };
    if (draw < 50) return { call: "KV/Range", request: this.#range() };
    if (draw < 60) return { call: "KV/DeleteRange", request: this.#remove() };
    if (draw < 85) return { call: "KV/Txn", request: this.#txn(1) };
    if (draw < 88) return { call: "KV/Compact", request: this.#compact() };
    if (draw < 91) return { call: "KV/RangeStream", request: this.#streamed() };
    return this.#lease();
  }

  #lease(): Request {
    const ID = this.#leaseId() || 5;
    const draw = this.#random.below(10);
    if (draw < 4)
      return {
        call: "Lease/LeaseGrant",
        request: { ID, TTL: this.#pick([100, 1000, 5000]) },
      };
    if (draw < 6) return { call: "Lease/LeaseRevoke", request: { ID } };
    return { call: "Lease/LeaseTimeToLive", request: { ID, keys: this.#chance(70) } };
  }

  #put(): Message {
    return {
      key: this.#key(),
      ...(this.#chance(85) && { value: this.#value() }),
      ...(this.#chance(20) && { lease: this.#leaseId() }),
      ...(this.#chance(30) && { prev_kv: true }),
      ...(this.#chance(8) && { ignore_value: true }),
      ...(this.#chance(8) && { ignore_lease: true }),
    };
  }

  #range(): Message {
    return {
      ...this.#bounds(),
      ...(this.#chance(30) && { limit: this.#pick([-1, 0, 1, 2, 3, 5, 100]) }),
      ...(this.#chance(40) && { revision: this.#anyRevision() }),
      ...this.#sorting(),
      ...(this.#chance(20) && { serializable: true }),
      ...(this.#chance(15) && { keys_only: true }),
      ...(this.#chance(15) && { count_only: true }),
      ...(this.#chance(10) && { min_mod_revision: this.#anyRevision() }),
      ...(this.#chance(10) && { max_mod_revision: this.#anyRevision() }),
      ...(this.#chance(10) && { min_create_revision: this.#anyRevision() }),
      ...(this.#chance(10) && { max_create_revision: this.#anyRevision() }),
    };
  }

  /** Only orders without ties: which of two equal ones comes first is not said. */
  #sorting(): Message {
    if (!this.#chance(35)) return {};
    return { sort_order: this.#random.below(3), sort_target: this.#pick([0, 3]) };
  }

  #streamed(): Message {
    return {
      ...this.#bounds(),
      ...(this.#chance(30) && { limit: this.#pick([1, 2, 3, 10, 100]) }),
      ...(this.#chance(40) && { revision: this.#anyRevision() }),
      ...(this.#chance(15) && { keys_only: true }),
      ...(this.#chance(15) && { count_only: true }),
    };
  }

  #remove(): Message {
    return { ...this.#bounds(), ...(this.#chance(40) && { prev_kv: true }) };
  }

  #compact(): Message {
    const revision = this.#chance(60)
      ? this.compacted + this.#random.below(Math.max(1, this.revision - this.compacted))
      : this.#anyRevision();
    return { revision, ...(this.#chance(50) && { physical: true }) };
  }

  #txn(depth: number): Message {
    const ops = (): Json[] => Array.from({ length: this.#random.below(4) }, () => this.#op(depth));
    return {
      compare: Array.from({ length: this.#random.below(3) }, () => this.#compare()),
      success: ops(),
      failure: ops(),
    };
  }

  #op(depth: number): Message {
    const draw = this.#random.below(100);
    if (draw < 40) return { request_put: this.#put() };
    if (draw < 65) return { request_range: this.#range() };
    if (draw < 80) return { request_delete_range: this.#remove() };
    if (draw < 98)
      return depth < depthMax
        ? { request_txn: this.#txn(depth + 1) }
        : { request_range: this.#range() };
    return {};
  }

  #compare(): Message {
    const target = this.#random.below(5);
    const value: Message = [
      { version: this.#random.below(4) },
      { create_revision: this.#anyRevision() },
      { mod_revision: this.#anyRevision() },
      { value: this.#value() },
      { lease: this.#leaseId() },
    ][this.#chance(95) ? target : this.#random.below(5)] as Message;
    return {
      ...(this.#chance(20) ? this.#bounds() : { key: this.#key() }),
      result: this.#random.below(4),
      target,
      ...(this.#chance(95) && value),
    };
  }

  #bounds(): Message {
    const key = this.#key();
    if (this.#chance(35)) return { key };
    return { key: this.#chance(15) ? zero : key, range_end: this.#chance(20) ? zero : this.#key() };
  }

  #key(): string {
    if (this.#chance(1)) return "";
    const length = 1 + this.#random.below(2);
    return Array.from({ length }, () => this.#pick(["a", "b", "c", "d"])).join("");
  }

  #value(): string {
    return this.#pick(["", "1", "2", "long value", "hex:00ff"]);
  }

  #leaseId(): number {
    return this.#pick([0, 1, 2, 3, 4, -7]);
  }

  #anyRevision(): number {
    const around = this.revision + 3 - this.#random.below(20);
    return this.#pick([
      -1,
      0,
      1,
      around,
      around,
      around,
      this.compacted,
      this.#random.below(this.revision + 2),
    ]);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }
}
