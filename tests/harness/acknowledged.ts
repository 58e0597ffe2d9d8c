/** What a store has promised: writes that were acknowledged, to be looked for after a crash. */
import { Etcd3 } from "etcd3";
import { until } from "./wait.ts";

/** Puts in flight at a time. */
const inFlight = 64;

/** Writes keys of its own, each once, and knows which of them were acknowledged. */
export class Acknowledged {
  readonly #prefix: string;
  readonly #keys: string[] = [];
  /** Of writes that were sent and not answered: the store may have them or not. */
  readonly #unknown = new Set<string>();
  #next = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get count(): number {
    return this.#keys.length;
  }

  /**
   * Puts until `count` are acknowledged, or a first one fails; every hundredth compacts. Resolves
   * with what has ended it.
   */
  async write(clientUrl: string, count: number): Promise<"done" | "failed"> {
    const client = connect(clientUrl);
    const wanted = this.#keys.length + count;
    let hasFailed = false;
    const work = async (): Promise<void> => {
      while (!hasFailed && this.#keys.length < wanted) {
        if (!(await this.#put(client))) hasFailed = true;
      }
    };
    try {
      await Promise.all(Array.from({ length: inFlight }, work));
    } finally {
      client.close();
    }
    return hasFailed ? "failed" : "done";
  }

  /** Throws unless this member has every write that was acknowledged, with its value. */
  async check(clientUrl: string): Promise<void> {
    const client = connect(clientUrl);
    try {
      await until(`all of ${this.#keys.length} writes`, 20_000, async () => {
        const found = await client.getAll().prefix(this.#prefix).serializable(true).strings();
        const lost = this.#keys.filter((key) => found[key] !== `value of ${key}`);
        if (lost.length > 0) throw new Error(`${lost.length} are lost, as ${lost[0]}`);
        const strangers = Object.keys(found).length - this.#keys.length;
        return strangers <= this.#unknown.size;
      });
    } finally {
      client.close();
    }
  }

  async #put(client: Etcd3): Promise<boolean> {
    const number = this.#next++;
    const key = `${this.#prefix}${number}`;
    this.#unknown.add(key);
    try {
      const { header } = await client.put(key).value(`value of ${key}`).exec();
      this.#keys.push(key);
      this.#unknown.delete(key);
      if (number % 100 === 99) await client.kv.compact({ revision: Number(header.revision) - 50 });
      return true;
    } catch (error) {
      return `${error}`.includes("has been compacted"); // By another of those in flight.
    }
  }
}

/** No retries: a write whose outcome is unknown is not repeated. */
function connect(clientUrl: string): Etcd3 {
  return new Etcd3({ hosts: [clientUrl], dialTimeout: 2000 });
}
