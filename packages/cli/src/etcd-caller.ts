/**
 * The few calls to one member that commands need, each attempted once, and their failures in words.
 * The server's package is loaded on first use: most commands never need it.
 */
import { encodeMessage } from "@flotilla/base";
import { createEtcdClient, type EtcdClient, EtcdError, type MemberStatus } from "@flotilla/client";
import type { MembershipChange, MembershipDescription } from "@flotilla/etcd-api";
import type { KeyValue } from "@flotilla/store";
import { type CredentialOptions, clientTlsOf, userOf } from "./credentials.ts";
import { CommandError, reasonOf } from "./exit.ts";

/** How long one call may take. */
const callTimeoutMs = 5000;
/** A change waits for others that are under way, and until it is in force. */
const changeTimeoutMs = 20_000;

/** Of gRPC (grpc/doc/statuscodes.md); `none` is no answer at all. */
const grpcStatus = { none: 0, deadlineExceeded: 4, unimplemented: 12, unavailable: 14 } as const;
const lookHint = "`flotilla member list` shows which members run, and who leads.";
const foreignHint = "Is it a member of etcd? That one is managed with etcdctl.";
const unknownHint = `It may have been done, or may be yet: look before you try again. ${lookHint}`;

/** One key, or all that begin with it. */
export interface KeysRequest {
  readonly key: string;
  readonly prefix: boolean;
  readonly keysOnly: boolean;
}

/** One member. Errors end the command with code `cannotConnect` or `refused`. */
export class EtcdCaller {
  readonly url: string;
  readonly #client: EtcdClient;

  /** `https:` is spoken to in TLS. Throws `CommandError` for what makes no sense. */
  constructor(url: string, options: CredentialOptions = {}) {
    this.url = url;
    const credentials = userOf(options);
    try {
      this.#client = createEtcdClient({
        endpoints: [url],
        attemptsMax: 1,
        requestTimeoutMs: callTimeoutMs,
        tls: clientTlsOf(options),
        ...(credentials === undefined ? {} : { credentials }),
      });
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      throw new CommandError("wrongArguments", error.message, undefined, error);
    }
  }

  close(): void {
    this.#client.close();
  }

  async put(key: string, value: string): Promise<void> {
    await this.#asked(this.#client.put(key, value));
  }

  async range({ key, prefix, keysOnly }: KeysRequest): Promise<readonly KeyValue[]> {
    const keys = prefix ? { prefix: key } : key;
    const { kvs } = await this.#asked(this.#client.range(keys, { keysOnly }));
    return kvs;
  }

  status(timeoutMs: number): Promise<MemberStatus> {
    return this.#asked(this.#client.maintenance.status({ timeoutMs }));
  }

  /** Who takes part, and how well. */
  async describeMembership(timeoutMs: number): Promise<MembershipDescription> {
    const { decodeMembership } = await import("@flotilla/etcd-api");
    const options = { timeoutMs, isRepeatable: true };
    const path = "/flotilla.v1.Membership/Describe";
    return decodeMembership(await this.#asked(this.#client.call(path, new Uint8Array(0), options)));
  }

  /** Changes the members; the outcome is not known when it ends in `cannotConnect`. */
  async changeMembership(change: MembershipChange): Promise<MembershipDescription> {
    const { decodeMembership, writeMembershipChange } = await import("@flotilla/etcd-api");
    const request = encodeMessage((writer) => writeMembershipChange(writer, change));
    const path = "/flotilla.v1.Membership/Change";
    return decodeMembership(
      await this.#asked(this.#client.call(path, request, { timeoutMs: changeTimeoutMs })),
    );
  }

  /** Asks the leader to hand over; no other member can. */
  async moveLeader(to: bigint): Promise<void> {
    await this.#asked(this.#client.maintenance.moveLeader(to, { timeoutMs: changeTimeoutMs }));
  }

  /** The pieces of a snapshot, its hash at the end: checked when the last one is given. */
  async *snapshot(onVersion: (version: string) => void): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#client.maintenance.snapshot({ onVersion });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof EtcdError)) return error;
    const { code, status, message, cause } = error;
    if (code !== "unavailable" && code !== "outcomeUnknown") {
      const hint = status === grpcStatus.unimplemented ? foreignHint : undefined;
      return new CommandError("refused", `${this.url} refused: ${message}`, hint, error);
    }
    const reason = reasonOf(cause ?? error).trim();
    const isSilent = status === grpcStatus.none || status === grpcStatus.deadlineExceeded;
    return new CommandError(
      isSilent || status === grpcStatus.unavailable ? "cannotConnect" : "refused",
      `${this.url} ${isSilent ? "did not answer" : "cannot do it"}: ${reason}`,
      code === "outcomeUnknown" ? unknownHint : this.#hint(status, reason),
      error,
    );
  }

  #hint(status: number, reason: string): string | undefined {
    if (status !== grpcStatus.none) return lookHint;
    return tlsHint(new URL(this.url).protocol, reason);
  }
}

/** What TLS or its lack says when both sides do not agree, and what to do about it. */
const tlsHints: readonly (readonly [protocol: string, reason: RegExp, hint: string])[] = [
  [
    "http:",
    /closed|ECONNRESET/,
    "If the member serves TLS, name it with https:// and its authority with --cacert.",
  ],
  ["https:", /wrong version number/, "The member does not serve TLS there: name it with http://."],
  ["https:", /altnames/, "Name the member in --endpoints as its certificate does."],
  [
    "https:",
    /certificate/,
    "Name the authority that signed the members' certificates with --cacert.",
  ],
  ["https:", /ECONNRESET/, "If the member wants a certificate, give it with --cert and --key."],
];

function tlsHint(protocol: string, reason: string): string | undefined {
  return tlsHints.find(([scheme, text]) => scheme === protocol && text.test(reason))?.[2];
}
