/**
 * A rolling hash over all that happens in a run: two runs of one scenario must end with the same.
 * Not for secrets. Pure.
 */

export class TraceHash {
  #low = 0x243f6a88;
  #high = 0x85a308d3;

  /** Takes in a 32-bit integer; of others the lowest 32 bits. */
  mix(value: number): void {
    const low = Math.imul(this.#low ^ value, 0x9e3779b1);
    this.#low = ((low << 13) | (low >>> 19)) ^ this.#high;
    this.#high = (Math.imul(this.#high + low, 0x85ebca77) ^ (low >>> 15)) | 0;
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }
}
