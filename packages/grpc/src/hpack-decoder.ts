/**
 * HPACK decoding (RFC 7541): one decoder per connection, blocks in the order of arrival.
 *
 * A gRPC client sends the same few bytes of header block for every call of a method, so results are
 * remembered by the bytes of their block for as long as the dynamic table does not change.
 */
import { decodeHuffman } from "./hpack-huffman.ts";
import { type HeaderField, staticTable } from "./hpack-static-table.ts";
import { compressionError } from "./http2-error.ts";

/** What an entry costs beside its text (RFC 7541 section 4.1). */
const entryOverheadBytes = 32;
/** The table size that a client may use unless told otherwise; this server never tells otherwise. */
const tableBytesMax = 4096;
/** Blocks remembered; a client uses about one for each method. */
const rememberedBlocks = 64;
/** Longer blocks are not worth remembering. */
const rememberedBlockBytes = 256;

/** A decoded header block. */
export interface HeaderList {
  readonly fields: readonly HeaderField[];
  /** The list was longer than allowed: `fields` has only its beginning. */
  readonly oversized: boolean;
}

/** Decodes header blocks into whatever `interpret` makes of them; its result is shared by equal blocks. */
export class HpackDecoder<T> {
  readonly #interpret: (list: HeaderList) => T;
  readonly #listBytesMax: number;
  readonly #remembered = new Map<string, T>();
  /** Newest last, so that adding is cheap; at most 128 entries. */
  readonly #dynamic: HeaderField[] = [];
  #dynamicBytes = 0;
  #dynamicBytesMax = tableBytesMax;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #tableChanged = false;

  /** `listBytesMax` bounds a decoded list, counted as in RFC 9113 section 6.5.2. */
  constructor(interpret: (list: HeaderList) => T, listBytesMax: number) {
    this.#interpret = interpret;
    this.#listBytesMax = listBytesMax;
  }

  /** Decodes one complete block. Throws a COMPRESSION_ERROR; the decoder is of no use afterwards. */
  decode(block: Buffer): T {
    if (block.length > rememberedBlockBytes) return this.#interpret(this.#decodeList(block));
    const key = block.toString("latin1");
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const result = this.#interpret(this.#decodeList(block));
    const room = this.#remembered.size < rememberedBlocks;
    if (room && !this.#tableChanged) this.#remembered.set(key, result);
    return result;
  }

  #decodeList(block: Uint8Array): HeaderList {
    this.#bytes = block;
    this.#at = 0;
    this.#end = block.length;
    this.#tableChanged = false;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    let oversized = false;
    while (this.#at < this.#end) {
      const field = this.#decodeField(fields.length === 0 && !oversized);
      if (field === undefined) continue;
      listBytes += sizeOf(field);
      if (listBytes > this.#listBytesMax)
        oversized = true; // Decoded to the end: the table must stay in step.
      else fields.push(field);
    }
    if (this.#tableChanged) this.#remembered.clear();
    return { fields, oversized };
  }

  /** One representation (RFC 7541 section 6); undefined for a size update, which only the start of a block may hold. */
  #decodeField(atStart: boolean): HeaderField | undefined {
    const first = this.#bytes[this.#at] as number;
    if (first >= 0x80) return this.#fieldAt(this.#integer(7));
    if (first >= 0x40) {
      const field = this.#literal(6);
      this.#insert(field);
      return field;
    }
    if (first >= 0x20) {
      if (!atStart) throw compressionError("table size update after a field");
      this.#resize(this.#integer(5));
      return undefined;
    }
    return this.#literal(4); // Without indexing, or never indexed: the same to a decoder.
  }

  #literal(prefixBits: number): HeaderField {
    const nameIndex = this.#integer(prefixBits);
    const name = nameIndex === 0 ? this.#string() : this.#fieldAt(nameIndex).name;
    return { name, value: this.#string() };
  }

  #fieldAt(index: number): HeaderField {
    const field =
      index <= staticTable.length
        ? staticTable[index - 1]
        : this.#dynamic[this.#dynamic.length - (index - staticTable.length)];
    if (field === undefined) throw compressionError(`no header field has index ${index}`);
    return field;
  }

  /** RFC 7541 section 5.1; at most five bytes, which is far beyond any legal value. */
  #integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw compressionError("integer too long");
  }

  #string(): string {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw compressionError("string longer than its block");
    this.#at = end;
    if (huffman) return decodeHuffman(this.#bytes, start, end);
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(this.#bytes[at] as number);
    return text;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw compressionError("block ends in the middle of a field");
    return this.#bytes[this.#at++] as number;
  }

  #insert(field: HeaderField): void {
    this.#tableChanged = true;
    this.#dynamic.push(field);
    this.#dynamicBytes += sizeOf(field);
    this.#evict();
  }

  #resize(bytesMax: number): void {
    if (bytesMax > tableBytesMax) throw compressionError("table size beyond the setting");
    this.#tableChanged = true;
    this.#dynamicBytesMax = bytesMax;
    this.#evict();
  }

  #evict(): void {
    while (this.#dynamicBytes > this.#dynamicBytesMax) {
      this.#dynamicBytes -= sizeOf(this.#dynamic.shift() as HeaderField);
    }
  }
}

function sizeOf(field: HeaderField): number {
  return field.name.length + field.value.length + entryOverheadBytes;
}
