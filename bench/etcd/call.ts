/** One unary gRPC call over node:http2: the few questions that a benchmark asks by itself. */
import { connect } from "node:http2";
import { WireReader, WireWriter } from "@flotilla/base";

/** A message as gRPC frames it: not compressed, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The answer's message. Rejects when there is none. */
export function call(url: string, path: string, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const session = connect(url);
    session.once("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.once("error", reject);
    stream.setTimeout(callMs, () => stream.close());
    stream.once("close", () => {
      session.destroy();
      const answer = Buffer.concat(parts);
      if (answer.length >= 5) resolve(answer.subarray(5));
      else reject(new Error(`${path} at ${url} was not answered`));
    });
    stream.end(framed(message));
  });
}

const callMs = 10_000;

export interface MemberView {
  readonly memberId: bigint;
  readonly leaderId: bigint;
  readonly revision: number;
}

/** `Maintenance.Status`. */
export async function statusOf(url: string): Promise<MemberView> {
  const answer = await call(url, "/etcdserverpb.Maintenance/Status", new Uint8Array(0));
  let view = { memberId: 0n, leaderId: 0n, revision: 0 };
  const reader = new WireReader(answer);
  while (reader.next()) {
    if (reader.field === 4) view = { ...view, leaderId: BigInt.asUintN(64, reader.varint64()) };
    else if (reader.field === 1) view = { ...view, ...headerOf(reader.bytes()) };
    else reader.skip();
  }
  return view;
}

function headerOf(bytes: Uint8Array): Pick<MemberView, "memberId" | "revision"> {
  const reader = new WireReader(bytes);
  let memberId = 0n;
  let revision = 0;
  while (reader.next()) {
    if (reader.field === 2) memberId = BigInt.asUintN(64, reader.varint64());
    else if (reader.field === 3) revision = reader.varint();
    else reader.skip();
  }
  return { memberId, revision };
}

export function putRequest(key: string, value: Uint8Array): Uint8Array {
  const writer = new WireWriter();
  writer.fieldText(1, key);
  writer.fieldBytes(2, value);
  return writer.finish();
}

export function rangeRequest(key: string, isSerializable: boolean): Uint8Array {
  const writer = new WireWriter();
  writer.fieldText(1, key);
  writer.fieldBool(7, isSerializable);
  return writer.finish();
}

/** Every key with its value. */
export function rangeOfAll(): Uint8Array {
  const writer = new WireWriter();
  for (const field of [1, 2]) writer.fieldBytes(field, Uint8Array.of(0)); // From, and to the end.
  return writer.finish();
}

/** Rejects unless the key was put. */
export async function put(url: string, key: string, value: Uint8Array): Promise<void> {
  await call(url, "/etcdserverpb.KV/Put", putRequest(key, value));
}
