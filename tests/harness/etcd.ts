/** Clients of the store that are not ours: npm's etcd3, and grpc-js with hand-made requests. */
import { WireReader, WireWriter } from "@flotilla/base";
import { Client, credentials } from "@grpc/grpc-js";
import { Etcd3 } from "etcd3";
import { until } from "./wait.ts";

export interface KvHash {
  readonly hash: number;
  readonly revision: number;
}

/** `Maintenance/HashKV` of one member at a revision; 0 = its latest. */
export async function hashKv(clientUrl: string, revision: number): Promise<KvHash> {
  const request = new WireWriter();
  request.fieldVarint(1, revision);
  const reader = new WireReader(
    await unary(clientUrl, "/etcdserverpb.Maintenance/HashKV", request.finish()),
  );
  const found = { hash: 0, revision: 0 };
  while (reader.next()) {
    if (reader.field === 2) found.hash = reader.varint();
    else if (reader.field === 4) found.revision = reader.varint();
    else reader.skip();
  }
  return found;
}

function unary(clientUrl: string, path: string, request: Uint8Array): Promise<Uint8Array> {
  const client = new Client(new URL(clientUrl).host, credentials.createInsecure());
  return new Promise<Uint8Array>((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => new Uint8Array(bytes),
      request,
      { deadline: Date.now() + 5000 },
      (error, response) => (response === undefined ? reject(error) : resolve(response)),
    );
  }).finally(() => client.close());
}

/** All members hold the same history up to the lowest of their latest revisions. Returns that hash. */
export async function equalHashes(clientUrls: readonly string[]): Promise<KvHash> {
  return until("equal hashes on all members", 15_000, async () => {
    const latest = await Promise.all(clientUrls.map((url) => hashKv(url, 0)));
    const revision = Math.min(...latest.map((one) => one.revision));
    const hashes = await Promise.all(clientUrls.map((url) => hashKv(url, revision)));
    const first = hashes[0];
    return hashes.every(({ hash }) => hash === first?.hash) ? first : undefined;
  });
}

/**
 * Puts `prefix<n>` = n, one after the other and without pause, each again until it is acknowledged.
 * Any member will do; etcd3 goes to the next when one fails.
 */
export class StoreWriter {
  readonly #client: Etcd3;
  readonly #prefix: string;
  readonly acknowledged: string[] = [];
  /** Longest time between two acknowledgements, in milliseconds. */
  longestGapMs = 0;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(clientUrls: readonly string[], prefix: string) {
    this.#client = new Etcd3({ hosts: [...clientUrls], dialTimeout: 1000 });
    this.#prefix = prefix;
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    let last = performance.now();
    for (let at = 0; !this.#stopped; ) {
      const key = `${this.#prefix}${at}`;
      try {
        await this.#client.put(key).value(String(at));
      } catch {
        continue; // Not acknowledged: the same put again, which changes nothing if it did happen.
      }
      this.acknowledged.push(key);
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - last);
      last = performance.now();
      at++;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#client.close();
  }
}

/** Keys among `keys` that this member does not have, read from it alone and without asking a quorum. */
export async function missingKeys(
  clientUrl: string,
  prefix: string,
  keys: readonly string[],
): Promise<string[]> {
  const client = new Etcd3({ hosts: [clientUrl] });
  try {
    const present = new Set(await client.getAll().prefix(prefix).serializable(true).keys());
    return keys.filter((key) => !present.has(key));
  } finally {
    client.close();
  }
}
