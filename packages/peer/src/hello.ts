/** The first frame on every connection: who dials whom, and what for. Pure. */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";
import { type NodeId, nodeIdLengthMax } from "@flotilla/consensus";
import { type PeerAddress, parsePeerUrl } from "./address.ts";
import { PeerError } from "./errors.ts";

/** What a connection is for; fixed for its life. */
export type Purpose = "messages" | "bulk" | "calls" | "join";

/** On a connection for `join` there are no identities yet: cluster 0, and empty names. */
export interface Hello {
  readonly purpose: Purpose;
  readonly clusterId: bigint;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The URL by which the sender is reached; empty when it is not. */
  readonly url: string;
}

const magic = "flotilla-peer";
const version = 2;
const purposes: readonly Purpose[] = ["messages", "bulk", "calls", "join"];

export function encodeHello(hello: Hello): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldText(1, magic);
    writer.fieldVarint(2, version);
    writer.fieldVarint(3, purposes.indexOf(hello.purpose) + 1);
    writer.fieldVarint64(4, hello.clusterId);
    writer.fieldText(5, hello.from);
    writer.fieldText(6, hello.to);
    writer.fieldText(7, hello.url);
  });
}

/** The reverse of {@link encodeHello}, or the reason why it is none. */
export function parseHello(
  body: Uint8Array,
):
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "refused"; readonly reason: string } {
  try {
    const fields = readFields(new WireReader(body));
    if (fields.magic !== magic) return refused("not a peer");
    if (fields.version !== version) {
      return refused(`protocol version ${fields.version}, this member speaks ${version}`);
    }
    const purpose = purposes[fields.purpose - 1];
    if (purpose === undefined) return refused(`unknown purpose ${fields.purpose}`);
    const { clusterId, from, to, url } = fields;
    return { kind: "hello", hello: { purpose, clusterId, from, to, url } };
  } catch (error) {
    if (error instanceof WireError) return refused("not a peer");
    throw error;
  }
}

/** Who listens, and whom it knows. */
export interface Host {
  readonly clusterId: bigint;
  readonly id: NodeId;
  isPeer(id: NodeId): boolean;
  /** As if there were no network to it. */
  isCutOff(id: NodeId): boolean;
}

/** Why a caller is not welcome; undefined when it is. */
export function objectionTo(hello: Hello, host: Host): string | undefined {
  if (hello.purpose === "join") return undefined;
  if (hello.clusterId !== host.clusterId) {
    return `cluster ${hello.clusterId.toString(16)}, this is ${host.clusterId.toString(16)}`;
  }
  if (hello.to !== host.id) return `member ${hello.to} is meant, this is ${host.id}`;
  if (hello.from === host.id) return `member ${hello.from} is this one`;
  if (host.isCutOff(hello.from)) return "it is cut off";
  if (hello.from.length === 0 || hello.from.length > nodeIdLengthMax) return "it has no name";
  if (!host.isPeer(hello.from) && addressOf(hello) === undefined) {
    return `member ${hello.from} is not known here, nor where to reach it`;
  }
  return undefined;
}

/** Where the caller is reached; undefined when it did not say so, or nothing that makes sense. */
export function addressOf({ url }: Hello): PeerAddress | undefined {
  try {
    return parsePeerUrl(url);
  } catch (error) {
    if (error instanceof PeerError) return undefined;
    throw error;
  }
}

function readFields(reader: WireReader) {
  const fields = { magic: "", version: 0, purpose: 0, clusterId: 0n, from: "", to: "", url: "" };
  while (reader.next()) {
    if (reader.field === 1) fields.magic = reader.text();
    else if (reader.field === 2) fields.version = reader.varint();
    else if (reader.field === 3) fields.purpose = reader.varint();
    else if (reader.field === 4) fields.clusterId = reader.varint64();
    else if (reader.field === 5) fields.from = reader.text();
    else if (reader.field === 6) fields.to = reader.text();
    else if (reader.field === 7) fields.url = reader.text();
    else reader.skip();
  }
  return fields;
}

function refused(reason: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason };
}
