/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, slicing by four.
 *
 * Chains like Go's `hash/crc32`: `crc32c(b, crc32c(a)) === crc32c(ab)`.
 */

const polynomial = 0x82f63b78;
const tables: readonly Uint32Array[] = buildTables();

/** The checksum of `bytes`, continued from `previous`; an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = ~previous;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t3[crc & 0xff] as number) ^
      (t2[(crc >>> 8) & 0xff] as number) ^
      (t1[(crc >>> 16) & 0xff] as number) ^
      (t0[crc >>> 24] as number);
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}

function buildTables(): Uint32Array[] {
  const built = [
    new Uint32Array(256),
    new Uint32Array(256),
    new Uint32Array(256),
    new Uint32Array(256),
  ];
  const first = built[0] as Uint32Array;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    first[byte] = crc;
  }
  for (let slice = 1; slice < 4; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = (built[slice - 1] as Uint32Array)[byte] as number;
      (built[slice] as Uint32Array)[byte] = (before >>> 8) ^ (first[before & 0xff] as number);
    }
  }
  return built;
}
