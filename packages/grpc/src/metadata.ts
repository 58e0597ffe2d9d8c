/** Request metadata: the custom headers of a call (grpc/doc/PROTOCOL-HTTP2.md, Custom-Metadata). */
import type { HeaderField } from "./hpack-static-table.ts";

/** Read-only; shared by all calls that sent the same header block. Names are lower case. */
export class Metadata {
  readonly #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  /** The first value of a text header; undefined when there is none. */
  get(name: string): string | undefined {
    return this.#fields.find((field) => field.name === name)?.value;
  }

  /** Every value of a text header, in the order of arrival. */
  getAll(name: string): string[] {
    return this.#fields.filter((field) => field.name === name).map((field) => field.value);
  }

  /** Every value of a `-bin` header; one header may carry several, separated by commas. */
  getBinary(name: `${string}-bin`): Uint8Array[] {
    return this.getAll(name)
      .flatMap((value) => value.split(","))
      .map((part) => new Uint8Array(Buffer.from(part.trim(), "base64")));
  }
}
