/** The first frame on every connection: who dials whom, and what for. Pure. */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";

/** What a connection is for; fixed for its life. */
export type Purpose = "messages" | "snapshot" | "calls";

export interface Hello {
  readonly purpose: Purpose;
  readonly clusterId: bigint;
  readonly from: NodeId;
  readonly to: NodeId;
}

const magic = "flotilla-peer";
const version = 1;
const purposes: readonly Purpose[] = ["messages", "snapshot", "calls"];

export function encodeHello(hello: Hello): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldText(1, magic);
    writer.fieldVarint(2, version);
    writer.fieldVarint(3, purposes.indexOf(hello.purpose) + 1);
    writer.fieldVarint64(4, hello.clusterId);
    writer.fieldText(5, hello.from);
    writer.fieldText(6, hello.to);
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
    const { clusterId, from, to } = fields;
    return { kind: "hello", hello: { purpose, clusterId, from, to } };
  } catch (error) {
    if (error instanceof WireError) return refused("not a peer");
    throw error;
  }
}

/** Why a caller is not welcome; undefined when it is. */
export function objectionTo(
  hello: Hello,
  self: { readonly clusterId: bigint; readonly id: NodeId; isPeer(id: NodeId): boolean },
): string | undefined {
  if (hello.clusterId !== self.clusterId) {
    return `cluster ${hello.clusterId.toString(16)}, this is ${self.clusterId.toString(16)}`;
  }
  if (hello.to !== self.id) return `member ${hello.to} is meant, this is ${self.id}`;
  if (!self.isPeer(hello.from)) return `member ${hello.from} is not known here`;
  return undefined;
}

function readFields(reader: WireReader) {
  const fields = { magic: "", version: 0, purpose: 0, clusterId: 0n, from: "", to: "" };
  while (reader.next()) {
    if (reader.field === 1) fields.magic = reader.text();
    else if (reader.field === 2) fields.version = reader.varint();
    else if (reader.field === 3) fields.purpose = reader.varint();
    else if (reader.field === 4) fields.clusterId = reader.varint64();
    else if (reader.field === 5) fields.from = reader.text();
    else if (reader.field === 6) fields.to = reader.text();
    else reader.skip();
  }
  return fields;
}

function refused(reason: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason };
}
