/** `etcdserverpb.ResponseHeader`, field 1 of nearly every response. */
import { WireWriter, wireType } from "@flotilla/base";

/** What changes from one header to the next. */
export interface HeaderState {
  /** 0 in the answers of the Cluster service. */
  readonly revision: number;
  readonly term: number;
}

/** Writes headers of one member; the ids, which are slow to encode, are encoded once. */
export class HeaderEncoder {
  readonly #ids: Uint8Array;
  readonly #inner = new WireWriter(64);

  constructor(ids: { readonly clusterId: bigint; readonly memberId: bigint }) {
    const writer = new WireWriter(32);
    writer.fieldVarint64(1, ids.clusterId);
    writer.fieldVarint64(2, ids.memberId);
    this.#ids = writer.finish();
  }

  /** Appends field 1. */
  write(target: WireWriter, state: HeaderState): void {
    const inner = this.#inner;
    inner.reset();
    inner.fieldVarint(3, state.revision);
    inner.fieldVarint(4, state.term);
    target.tag(1, wireType.bytes);
    target.varint(this.#ids.length + inner.size);
    target.raw(this.#ids);
    target.raw(inner.view());
  }
}

/** Field 1 of an answer inside a transaction: only the revision. */
export function writeInnerHeader(target: WireWriter, revision: number): void {
  target.fieldMessage(1, (header) => header.fieldVarint(3, revision));
}
