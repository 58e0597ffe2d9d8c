/** Members one by one: `etcdserverpb.Maintenance`. */
import { createHash } from "node:crypto";
import { emptyBytes } from "@flotilla/base";
import { linkSignals, onAborted } from "./abort.ts";
import type { Channel, ReportingStream } from "./channel.ts";
import { decodeWith } from "./codec/header.ts";
import {
  encodeHashKv,
  encodeMoveLeader,
  type KvHash,
  type MemberStatus,
  readHashKv,
  readSnapshotPart,
  readStatus,
} from "./codec/maintenance.ts";
import { EtcdError } from "./errors.ts";
import { StreamFailure } from "./grpc/outcome.ts";
import { requestMsDefault } from "./limits.ts";
import type { CallOptions } from "./options.ts";
import { decideStreamRetry } from "./retry.ts";

/** Which member is asked; any when left out. */
export interface MemberCallOptions extends CallOptions {
  readonly endpoint?: string;
}

export interface SnapshotOptions {
  readonly endpoint?: string;
  readonly signal?: AbortSignal;
  /** Told the version of the data's format, by members that say it. */
  readonly onVersion?: (version: string) => void;
}

const service = "/etcdserverpb.Maintenance";
const digestBytes = 32;

export class Maintenance {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  async status(options: MemberCallOptions = {}): Promise<MemberStatus> {
    return decodeWith(await this.#read("Status", emptyBytes, options), readStatus);
  }

  /** The history up to `revision`, or up to the member's latest. */
  async hashKv(options: MemberCallOptions & { readonly revision?: number } = {}): Promise<KvHash> {
    const answer = await this.#read("HashKV", encodeHashKv(options.revision ?? 0), options);
    return decodeWith(answer, readHashKv);
  }

  /** Has the leader hand over; `endpoint` has to be the leader's. */
  async moveLeader(targetId: bigint, options: MemberCallOptions = {}): Promise<void> {
    const call = { ...options, isRepeatable: false };
    await this.#channel.unary(`${service}/MoveLeader`, encodeMoveLeader(targetId), call);
  }

  /**
   * A backup of one member, as the bytes of a file: the data and at its end the SHA-256 of it, which
   * was checked when the last part is given. A failure in between is not made up for: begin again.
   * A member without a leader gives what it has.
   */
  async *snapshot(options: SnapshotOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { endpoint, signal: given, onVersion } = options;
    const link = linkSignals(given, this.#channel.closing);
    const { signal } = link;
    const check = new DigestCheck();
    let stream: ReportingStream | undefined;
    try {
      stream = await this.#channel.stream(`${service}/Snapshot`, {
        signal,
        timeoutMs: requestMsDefault,
        needsLeader: false,
        ...(endpoint === undefined ? {} : { endpoint }),
      });
      onAborted(signal, stream.close);
      stream.send(emptyBytes);
      stream.end();
      for await (const message of stream.messages) {
        const { blob, version } = decodeWith(message, readSnapshotPart);
        if (version !== "") onVersion?.(version);
        const ready = check.push(blob);
        if (ready.length > 0) yield ready;
      }
      yield check.finish();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StreamFailure)) throw error;
      stream?.report(error.failure);
      const refusal = decideStreamRetry(error.failure, this.#channel.hasCredentials);
      throw refusal ?? new EtcdError("unavailable", `The snapshot broke off: ${error.message}`);
    } finally {
      link.release();
      stream?.close();
    }
  }

  #read(method: string, request: Uint8Array, options: MemberCallOptions): Promise<Uint8Array> {
    const call = { ...options, isRepeatable: true };
    return this.#channel.unary(`${service}/${method}`, request, call);
  }
}

/** Holds the last 32 bytes back until it is known that nothing follows: they are the digest. */
class DigestCheck {
  readonly #hash = createHash("sha256");
  #held: Uint8Array = emptyBytes;

  /** What is surely data. */
  push(blob: Uint8Array): Uint8Array {
    const all = this.#held.length === 0 ? blob : Buffer.concat([this.#held, blob]);
    const dataBytes = Math.max(0, all.length - digestBytes);
    const data = all.subarray(0, dataBytes);
    this.#held = all.subarray(dataBytes);
    this.#hash.update(data);
    return data;
  }

  /** The digest. Throws `badResponse` when it is that of other data. */
  finish(): Uint8Array {
    if (this.#hash.digest().equals(this.#held)) return this.#held;
    throw new EtcdError("badResponse", "The snapshot is damaged: its SHA-256 does not match");
  }
}
