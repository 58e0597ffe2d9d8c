/**
 * The few etcd calls that commands need, over gRPC with the store's own message codecs.
 * `@grpc/grpc-js` and the server's package are loaded on first use: most commands never need them.
 */
import { isIP } from "node:net";
import { checkServerIdentity as identify, type PeerCertificate } from "node:tls";
import { encodeMessage, WireReader } from "@flotilla/base";
import type { MembershipChange, MembershipDescription } from "@flotilla/etcd-api";
import {
  decodeKeyValue,
  encodePutRequest,
  encodeRangeRequest,
  type KeyValue,
  type PutRequest,
  type RangeRequest,
} from "@flotilla/store";
import type { Client, Metadata } from "@grpc/grpc-js";
import { type CredentialOptions, readTlsFiles, userOf } from "./credentials.ts";
import { CommandError, reasonOf } from "./exit.ts";

/** How long one call may take. */
const callTimeoutMs = 5000;
/** A change waits for others that are under way, and until it is in force. */
const changeTimeoutMs = 20_000;

export interface EndpointStatus {
  readonly memberId: bigint;
  readonly leaderId: bigint;
  readonly term: number;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly dbBytes: number;
}

/** One etcd endpoint. Errors end the command with code `cannotConnect` or `refused`. */
export class EtcdCaller {
  readonly #client: Client;
  /** Sent with every call: the token, once there is one. */
  readonly #metadata: Metadata;
  readonly url: string;

  private constructor(url: string, client: Client, metadata: Metadata) {
    this.url = url;
    this.#client = client;
    this.#metadata = metadata;
  }

  /** `https:` is spoken to in TLS. A user is authenticated at once. */
  static async open(url: string, options: CredentialOptions = {}): Promise<EtcdCaller> {
    const { Client, credentials, Metadata } = await import("@grpc/grpc-js");
    const { host, hostname, protocol } = new URL(url);
    const { ca = null, cert = null, key = null } = readTlsFiles(options);
    const name = hostname.replace(/^\[|\]$/g, "");
    // An address is not allowed as the name in a handshake: the certificate is checked for it all the same.
    const verify = {
      checkServerIdentity: (_: string, peer: PeerCertificate) => identify(name, peer),
    };
    const channelOptions = isIP(name) === 0 ? {} : { "grpc.ssl_target_name_override": "localhost" };
    const client =
      protocol === "https:"
        ? new Client(host, credentials.createSsl(ca, key, cert, verify), channelOptions)
        : new Client(host, credentials.createInsecure());
    const caller = new EtcdCaller(url, client, new Metadata());
    const user = userOf(options);
    try {
      if (user !== undefined) await caller.#authenticate(user);
    } catch (error) {
      caller.close();
      throw error;
    }
    return caller;
  }

  close(): void {
    this.#client.close();
  }

  async #authenticate(user: { readonly name: string; readonly password: string }): Promise<void> {
    const request = encodeMessage((writer) => {
      writer.fieldText(1, user.name);
      writer.fieldText(2, user.password);
    });
    const reader = new WireReader(await this.#call("/etcdserverpb.Auth/Authenticate", request));
    while (reader.next()) {
      if (reader.field === 2) this.#metadata.set("token", reader.text());
      else reader.skip();
    }
  }

  async put(request: PutRequest): Promise<void> {
    await this.#call("/etcdserverpb.KV/Put", encodePutRequest(request));
  }

  async range(request: RangeRequest): Promise<readonly KeyValue[]> {
    const reader = new WireReader(
      await this.#call("/etcdserverpb.KV/Range", encodeRangeRequest(request)),
    );
    const kvs: KeyValue[] = [];
    while (reader.next()) {
      if (reader.field === 2) kvs.push(decodeKeyValue(reader.bytes()));
      else reader.skip();
    }
    return kvs;
  }

  async status(timeoutMs: number): Promise<EndpointStatus> {
    const bytes = await this.#call(
      "/etcdserverpb.Maintenance/Status",
      new Uint8Array(0),
      timeoutMs,
    );
    return decodeStatus(new WireReader(bytes));
  }

  /** Who takes part, and how well. */
  async describeMembership(timeoutMs: number): Promise<MembershipDescription> {
    const { decodeMembership } = await import("@flotilla/etcd-api");
    const nothing = new Uint8Array(0);
    return decodeMembership(
      await this.#call("/flotilla.v1.Membership/Describe", nothing, timeoutMs),
    );
  }

  /** Changes the members; the outcome is not known when it ends in `cannotConnect`. */
  async changeMembership(change: MembershipChange): Promise<MembershipDescription> {
    const { decodeMembership, writeMembershipChange } = await import("@flotilla/etcd-api");
    const request = encodeMessage((writer) => writeMembershipChange(writer, change));
    return decodeMembership(
      await this.#call("/flotilla.v1.Membership/Change", request, changeTimeoutMs),
    );
  }

  /** Asks the leader to hand over; no other member can. */
  async moveLeader(to: bigint): Promise<void> {
    const request = encodeMessage((writer) => writer.fieldVarint64(1, to));
    await this.#call("/etcdserverpb.Maintenance/MoveLeader", request, changeTimeoutMs);
  }

  /**
   * The pieces of a snapshot, the last of which is its hash. `onVersion` is told what the server says
   * of its version.
   */
  async *snapshot(onVersion: (version: string) => void): AsyncGenerator<Uint8Array> {
    const path = "/etcdserverpb.Maintenance/Snapshot";
    const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
    const asIs = (bytes: Buffer): Uint8Array => bytes;
    const nothing = new Uint8Array(0);
    const stream = this.#client.makeServerStreamRequest(
      path,
      asBuffer,
      asIs,
      nothing,
      this.#metadata,
    );
    try {
      for await (const message of stream) {
        const reader = new WireReader(message as Uint8Array);
        while (reader.next()) {
          if (reader.field === 3) yield reader.bytes();
          else if (reader.field === 4) onVersion(reader.text());
          else reader.skip();
        }
      }
    } catch (error) {
      throw this.#failure(path, error);
    } finally {
      stream.cancel();
    }
  }

  #call(path: string, request: Uint8Array, timeoutMs = callTimeoutMs): Promise<Uint8Array> {
    const deadline = Date.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => new Uint8Array(bytes),
        request,
        this.#metadata,
        { deadline },
        (error, response) => {
          if (response !== undefined) resolve(response);
          else reject(this.#failure(path, error));
        },
      );
    });
  }

  #failure(path: string, error: unknown): CommandError {
    const code = (error as { code?: number } | null)?.code;
    const tried = `${path} at ${this.url}`;
    // 4 DEADLINE_EXCEEDED, 14 UNAVAILABLE (RFC: grpc/doc/statuscodes.md).
    if (code === 14 || code === 4) {
      return new CommandError(
        "cannotConnect",
        `${tried} did not answer: ${reasonOf(error)}`,
        "`flotilla status` shows which members run and whether there is a leader.",
      );
    }
    // `details` is the server's text; the message has the code's name before it.
    const { details = reasonOf(error) } = error as { readonly details?: string };
    return new CommandError("refused", `${tried} was refused: ${details}`);
  }
}

function decodeStatus(reader: WireReader): EndpointStatus {
  let header = { memberId: 0n, revision: 0 };
  const found = { leaderId: 0n, term: 0, raftIndex: 0, appliedIndex: 0, dbBytes: 0 };
  while (reader.next()) {
    if (reader.field === 1) header = decodeHeader(reader.message());
    else if (reader.field === 3) found.dbBytes = reader.varint();
    else if (reader.field === 4) found.leaderId = reader.varint64();
    else if (reader.field === 5) found.raftIndex = reader.varint();
    else if (reader.field === 6) found.term = reader.varint();
    else if (reader.field === 7) found.appliedIndex = reader.varint();
    else reader.skip();
  }
  return { ...header, ...found };
}

function decodeHeader(reader: WireReader): { memberId: bigint; revision: number } {
  const header = { memberId: 0n, revision: 0 };
  while (reader.next()) {
    if (reader.field === 2) header.memberId = reader.varint64();
    else if (reader.field === 3) header.revision = reader.varint();
    else reader.skip();
  }
  return header;
}
