/**
 * Serial numbers in a list of revoked certificates (RFC 5280 section 5).
 *
 * As at etcd only the numbers count: neither who signed the list nor when the next one is due, so that
 * a list that is late does not close the port. Read anew when the file changes.
 */
import { PkiError } from "./errors.ts";
import type { FileCache } from "./file-cache.ts";

export class RevocationList {
  readonly #path: string;
  readonly #files: FileCache;
  #bytes: Buffer | undefined;
  #serials: ReadonlySet<string> = new Set();

  constructor(path: string, files: FileCache) {
    this.#path = path;
    this.#files = files;
  }

  /** By hexadecimal number, in any case and with leading zeros. Throws `PkiError`. */
  has(serialNumber: string): boolean {
    this.refresh();
    return this.#serials.has(normal(serialNumber.toLowerCase()));
  }

  /** Throws `PkiError`. */
  refresh(): void {
    const bytes = this.#files.read(this.#path);
    if (bytes === this.#bytes) return;
    const serials = revokedSerials(derOf(bytes));
    if (serials === undefined) {
      throw new PkiError(
        "badMaterial",
        `Cannot use "${this.#path}": it is no list of revoked certificates`,
      );
    }
    this.#serials = serials;
    this.#bytes = bytes;
  }
}

/** What stands between the lines of PEM, or the bytes themselves. */
function derOf(bytes: Buffer): Buffer {
  const match = /-----BEGIN (?:X509 )?CRL-----([^-]+)-----END/.exec(bytes.toString("latin1"));
  return match === null ? bytes : Buffer.from(match[1] as string, "base64");
}

const tag = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * CertificateList: {TBSCertList: {version?, signature, issuer, thisUpdate, nextUpdate?,
 * revokedCertificates?: {{serial number, date, ...}, ...}, ...}, ...}. Undefined when it is none.
 */
function revokedSerials(der: Buffer): ReadonlySet<string> | undefined {
  const [list] = elementsOf(der) ?? [];
  if (list?.tag !== tag.sequence) return undefined;
  const [tbs] = elementsOf(list.content) ?? [];
  if (tbs?.tag !== tag.sequence) return undefined;
  const fields = elementsOf(tbs.content) ?? [];
  const isTime = (field: Element): boolean =>
    field.tag === tag.utcTime || field.tag === tag.generalizedTime;
  if (!fields.some(isTime)) return undefined;
  const revoked = fields[fields.findLastIndex(isTime) + 1];
  if (revoked?.tag !== tag.sequence) return new Set(); // None is revoked.
  const serials = new Set<string>();
  for (const entry of elementsOf(revoked.content) ?? [{ tag: 0, content: der }]) {
    const [serial] = entry.tag === tag.sequence ? (elementsOf(entry.content) ?? []) : [];
    if (serial?.tag !== tag.integer) return undefined;
    serials.add(normal(serial.content.toString("hex")));
  }
  return serials;
}

/** What lies in a row in `bytes` (ITU-T X.690 section 8.1); undefined when it does not end with them. */
function elementsOf(bytes: Buffer): readonly Element[] | undefined {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at + 1] ?? 0xff;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const begin = at + 2 + lengthBytes;
    if (lengthBytes > 4 || begin > bytes.length) return undefined;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    if (begin + length > bytes.length) return undefined;
    elements.push({ tag: bytes[at] as number, content: bytes.subarray(begin, begin + length) });
    at = begin + length;
  }
  return elements;
}

function normal(serialNumber: string): string {
  return serialNumber.replace(/^0+(?=.)/, "");
}
