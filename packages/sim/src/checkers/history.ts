/**
 * What clients did and saw, as data: the input of every checker.
 *
 * Keys and values are text. Every value that is written is unique in its run (a serial number), so
 * that whoever reads it knows which write it comes from. Pure.
 */
import type { NodeId } from "@flotilla/consensus";

/** A moment of a run. The sequence is that of the run's events: it orders moments of equal time. */
export interface Moment {
  /** Virtual time. */
  readonly atMs: number;
  readonly sequence: number;
}

/** What a conditional write compares; absent keys have modification revision and version 0. */
export type Comparison =
  | { readonly target: "modRevision"; readonly equals: number }
  | { readonly target: "version"; readonly equals: number }
  /** Undefined: the key is absent. */
  | { readonly target: "value"; readonly equals: string | undefined };

/** What a client asked for, about one key. Something that touches several is one operation for each. */
export type Input =
  | { readonly kind: "put"; readonly value: string; readonly lease?: string }
  /** `serializable`: may be old, and is left out where only linearizable reads are judged. */
  | { readonly kind: "get"; readonly serializable?: boolean }
  /** Puts `value` when the comparison holds; changes nothing otherwise. */
  | {
      readonly kind: "cas";
      readonly compare: Comparison;
      readonly value: string;
      readonly lease?: string;
    }
  | { readonly kind: "delete" }
  /**
   * The key goes when it is attached to `lease`: revoked by a client, or expired. An expiry is an
   * operation of the system without a return, called when the lease can first have run out.
   */
  | { readonly kind: "expire"; readonly lease: string };

/** What the client was told. `revision` is that of the store when it answered (etcd's header). */
export type Output =
  | { readonly kind: "put"; readonly revision: number }
  | {
      readonly kind: "get";
      readonly revision: number;
      /** Undefined: absent. */
      readonly found:
        | { readonly value: string; readonly modRevision: number; readonly version: number }
        | undefined;
    }
  | { readonly kind: "cas"; readonly succeeded: boolean; readonly revision: number }
  | { readonly kind: "delete"; readonly deleted: number; readonly revision: number }
  | { readonly kind: "expire" }
  /** Refused by the state machine (the lease is gone, say): nothing has happened. */
  | { readonly kind: "refused" };

/** One operation of one client on one key. */
export interface Operation {
  readonly client: number;
  /** Through whom. */
  readonly server: NodeId;
  readonly key: string;
  readonly input: Input;
  readonly calledAt: Moment;
  /** Undefined: the outcome is not known, for ever. It may take effect at any time after its call, or never. */
  readonly returnedAt: Moment | undefined;
  /** Of an unknown outcome: what is known all the same of what came of it, if it took effect. */
  readonly output: Output | undefined;
}

/** One change of one key. */
export interface KeyEvent {
  readonly kind: "put" | "delete";
  readonly key: string;
  /** Undefined for a delete. */
  readonly value: string | undefined;
}

/** Everything that one revision changed, in order. */
export interface Revision {
  readonly revision: number;
  readonly events: readonly KeyEvent[];
}

/**
 * The authoritative history: what was applied, revision by revision from `first` on, without a gap.
 * Collected where it is first applied anywhere.
 */
export interface StoreHistory {
  readonly revisions: readonly Revision[];
}
