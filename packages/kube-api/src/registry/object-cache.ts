/**
 * Decoded objects, so that a value is parsed once for all its lists and watches.
 *
 * Keyed by what makes a value unique: its key and the revision that wrote it. Bounded by the bytes
 * of the stored values; the least recently used goes first.
 */
import { allResources, apiVersionOf, decodeObject, type KubeObject } from "@flotilla/objects";
import { tooLarge } from "../errors.ts";
import { cacheBytesMax, objectBytesMax } from "../limits.ts";
import type { StoredValue } from "../storage.ts";

/** One decoded object. It is shared and frozen: copy it to change it. */
export interface Decoded {
  /** With its resource version. */
  readonly object: KubeObject;
  /** The object as JSON text, made when first asked for. */
  json(): string;
}

const decoder = new TextDecoder();
const resourcesByKind = new Map(
  allResources.map((resource) => [`${apiVersionOf(resource)} ${resource.kind}`, resource]),
);

interface Entry extends Decoded {
  readonly bytes: number;
}

export class ObjectCache {
  readonly #entries = new Map<string, Entry>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = cacheBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the stored values that are held decoded; at most the limit. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The object of a stored value; undefined when the bytes are none, because somebody wrote them
   * past this API. `revision` replaces the resource version that it shows: a deleted
   * object carries the revision of its deletion.
   */
  decode(stored: StoredValue, revision: number = stored.modRevision): Decoded | undefined {
    const id = idOf(stored.key, stored.modRevision, revision);
    const known = this.#entries.get(id);
    if (known !== undefined) {
      this.#entries.delete(id); // Youngest again: a Map keeps the order of insertion.
      this.#entries.set(id, known);
      return known;
    }
    const object = parseObject(stored.value);
    if (object === undefined) return undefined;
    return this.#add(id, withRevision(object, revision), stored.value.length);
  }

  /** Keeps an object that was just written, so that its watchers need not parse it. Freezes and returns it. */
  insert(key: string, value: Uint8Array, object: KubeObject): KubeObject {
    const revision = Number(object.metadata.resourceVersion);
    const id = idOf(key, revision, revision);
    return (this.#entries.get(id) ?? this.#add(id, object, value.length)).object;
  }

  #add(id: string, object: KubeObject, bytes: number): Entry {
    const entry = newEntry(object, bytes);
    this.#entries.set(id, entry);
    this.#bytes += bytes;
    this.#shrink();
    return entry;
  }

  #shrink(): void {
    for (const [id, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(id);
      this.#bytes -= entry.bytes;
    }
  }
}

/** The revision that wrote a value, and the one that it is shown at: they differ after a deletion. */
function idOf(key: string, modRevision: number, shownRevision: number): string {
  return `${modRevision} ${shownRevision} ${key}`;
}

/**
 * Judged like a request, because any client of the store can write below our prefix: whoever reads
 * objects relies on their required parts.
 */
function parseObject(bytes: Uint8Array): KubeObject | undefined {
  try {
    const json = JSON.parse(decoder.decode(bytes));
    const resource = resourcesByKind.get(`${json?.apiVersion} ${json?.kind}`);
    if (resource === undefined || typeof json.metadata?.name !== "string") return undefined;
    const outcome = decodeObject(resource, json, { fieldValidation: "Ignore" });
    return outcome.kind === "ok" ? outcome.object : undefined;
  } catch {
    return undefined; // Not JSON: foreign bytes under our prefix.
  }
}

function newEntry(object: KubeObject, bytes: number): Entry {
  freeze(object);
  let text: string | undefined;
  return {
    object,
    bytes,
    json() {
      text ??= JSON.stringify(object);
      return text;
    },
  };
}

/** A copy that shows `revision` as its resource version. */
export function withRevision(object: KubeObject, revision: number): KubeObject {
  const { name, generateName, namespace, uid, ...rest } = object.metadata;
  const { resourceVersion: _, ...others } = rest;
  const identity = {
    name,
    ...(generateName === undefined ? {} : { generateName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
  return { ...object, metadata: { ...identity, resourceVersion: String(revision), ...others } };
}

/**
 * The bytes that are stored for an object: JSON without the resource version, which the store knows.
 * Throws `RequestEntityTooLarge`: defaults make an object larger than what was submitted.
 */
export function encodeObject(object: KubeObject): Uint8Array {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const bytes = Buffer.from(JSON.stringify({ ...object, metadata }), "utf8");
  if (bytes.length > objectBytesMax) throw tooLarge(objectBytesMax);
  return bytes;
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}

/** An object that is not from the store's own bytes, in the form that presenting takes. */
export function decodedOf(object: KubeObject): Decoded {
  return { object, json: () => JSON.stringify(object) };
}
