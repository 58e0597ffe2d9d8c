/** One client that works on the keys of the present window, and writes down what it asked and was told. */
import type { Prng } from "@flotilla/base";
import { compare, type EtcdClient, op, textOf } from "@flotilla/client/etcd";
import type { Input, Operation, Output } from "@flotilla/sim";
import type { Ledger } from "./ledger.ts";

/** Where operations go; a window is closed once none of them is under way. */
export interface Target {
  readonly prefix: string;
  readonly operations: Operation[];
  underWay: number;
}

/** Keys of one window: few enough that clients meet, enough that histories of one key stay short. */
const keysPerWindow = 40;
const requestMs = 8_000;

export class KeyWorker {
  readonly #client: EtcdClient;
  readonly #server: string;
  readonly #number: number;
  readonly #random: Prng;
  readonly #ledger: Ledger;

  constructor(
    parts: { readonly client: EtcdClient; readonly server: string; readonly number: number },
    random: Prng,
    ledger: Ledger,
  ) {
    this.#client = parts.client;
    this.#server = parts.server;
    this.#number = parts.number;
    this.#random = random;
    this.#ledger = ledger;
  }

  /** One operation. Never rejects. */
  async work(target: Target): Promise<void> {
    const key = `${target.prefix}k${this.#random.below(keysPerWindow)}`;
    target.underWay++;
    const input = await this.#input(key);
    const calledAt = this.#ledger.moment();
    const asked = { client: this.#number, server: this.#server, key, input, calledAt };
    try {
      const output = await this.#ask(key, input);
      target.operations.push({ ...asked, returnedAt: this.#ledger.moment(), output });
      this.#ledger.count("operations");
    } catch (error) {
      if (!this.#ledger.failed(error)) {
        target.operations.push({ ...asked, returnedAt: undefined, output: undefined });
        this.#ledger.count("unknown");
      }
    } finally {
      target.underWay--;
    }
  }

  /** What is asked for; a comparison is with what was there a moment ago, or with nothing. */
  async #input(key: string): Promise<Input> {
    const random = this.#random;
    const value = this.#ledger.serial();
    const draw = random.below(100);
    if (draw < 30) return { kind: "put", value };
    if (draw < 40) return { kind: "delete" };
    if (draw < 65) return { kind: "get" };
    if (draw < 80) return { kind: "get", serializable: true };
    const found = await this.#client
      .get(key, { serializable: true, timeoutMs: requestMs })
      .catch(() => undefined);
    if (found === undefined || random.chance(0.5)) {
      const equals = found?.modRevision ?? 0;
      return { kind: "cas", compare: { target: "modRevision", equals }, value };
    }
    const equals = textOf(found.value);
    return { kind: "cas", compare: { target: "value", equals }, value };
  }

  async #ask(key: string, input: Input): Promise<Output> {
    const timeoutMs = requestMs;
    switch (input.kind) {
      case "put": {
        const { revision } = await this.#client.put(key, input.value, { timeoutMs });
        return { kind: "put", revision };
      }
      case "delete": {
        const { deleted, revision } = await this.#client.delete(key, { timeoutMs });
        return { kind: "delete", deleted, revision };
      }
      case "cas": {
        const { target, equals } = input.compare;
        const condition =
          target === "value"
            ? compare.value(key, "=", equals ?? "")
            : compare.modRevision(key, "=", equals);
        const { succeeded, revision } = await this.#client
          .txn()
          .if(condition)
          .then(op.put(key, input.value))
          .commit({ timeoutMs });
        return { kind: "cas", succeeded, revision };
      }
      default: {
        const serializable = input.kind === "get" && input.serializable === true;
        const result = await this.#client.range(key, { serializable, timeoutMs });
        const [kv] = result.kvs;
        const found = kv && {
          value: textOf(kv.value),
          modRevision: kv.modRevision,
          version: kv.version,
        };
        return { kind: "get", revision: result.revision, found };
      }
    }
  }
}
