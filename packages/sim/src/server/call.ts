/** A question from one server to another, and its answer. */
import type { CallOutcome } from "@flotilla/replica";

export class Call {
  readonly from: string;
  readonly request: Uint8Array;
  #done: ((outcome: CallOutcome) => void) | undefined;

  constructor(from: string, request: Uint8Array, done: (outcome: CallOutcome) => void) {
    this.from = from;
    this.request = request;
    this.#done = done;
  }

  /** The first end counts. */
  settle(outcome: CallOutcome): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome);
  }
}

/** An answer on its way back. */
export interface CallAnswer {
  readonly call: Call;
  readonly outcome: CallOutcome;
}

/** A frame of a snapshot on its way. */
export interface BulkFrame {
  readonly from: string;
  readonly bytes: Uint8Array;
}
