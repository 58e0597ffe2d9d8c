/**
 * Calls that bring a token whose entry this member has not applied yet. Anybody can make up such a token:
 * so all of them share one timer, and there is an end to how many wait and how long.
 */
import type { Call, Timers } from "@flotilla/grpc";
import { RpcError } from "../errors.ts";
import { tokenPauseMs, tokenWaitsMax } from "../limits.ts";

/** Collaborators. */
export interface TokenWaitsDeps {
  readonly timers: Timers;
  /** Of the last entry that is applied here. */
  appliedIndex(): number;
}

/** One call. */
interface Wait {
  readonly call: Pick<Call, "ended">;
  /** Of the entry. */
  readonly index: number;
  readonly endMs: number;
  readonly resolve: () => void;
}

export class TokenWaits {
  readonly #deps: TokenWaitsDeps;
  readonly #waits = new Set<Wait>();

  constructor(deps: TokenWaitsDeps) {
    this.#deps = deps;
  }

  /** Resolves when the entry is applied, the call has ended, or it is `endMs`; throws when too many wait. */
  until({ call, index, endMs }: Omit<Wait, "resolve">): Promise<void> {
    if (this.#waits.size >= tokenWaitsMax) throw new RpcError("tooManyRequests");
    if (this.#waits.size === 0) this.#schedule();
    return new Promise((resolve) => void this.#waits.add({ call, index, endMs, resolve }));
  }

  #schedule(): void {
    this.#deps.timers.after(tokenPauseMs, () => this.#look());
  }

  #look(): void {
    const appliedIndex = this.#deps.appliedIndex();
    const nowMs = this.#deps.timers.nowMs();
    for (const wait of this.#waits) {
      if (wait.index > appliedIndex && wait.endMs > nowMs && !wait.call.ended) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
    if (this.#waits.size > 0) this.#schedule();
  }
}
