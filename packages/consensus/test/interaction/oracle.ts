/**
 * What must hold whatever a script does: it judges by what servers apply and claim, not by how they
 * came to it, so that a golden file cannot make a bug the expected output.
 */
import { strict as assert } from "node:assert";
import type { Configuration, Entry, NodeId } from "../../src/contract.ts";
import type { Raft } from "../../src/raft/raft.ts";
import { validate } from "../../src/raft/validate.ts";
import { textOfEntry } from "./notation.ts";

export class Oracle {
  /** What the first server to apply an index has applied there, by epoch and index. */
  readonly #applied = new Map<string, { readonly by: NodeId; readonly entry: Entry }>();
  /** Who led a term, by epoch and term. */
  readonly #leaders = new Map<string, NodeId>();

  /**
   * State machine safety: everybody applies the same at an index. A recovery by force begins a new
   * epoch, in which what only the lost servers held may be something else.
   */
  applies(by: NodeId, entry: Entry, configuration: Configuration): void {
    const { epoch = 0, witnesses = [] } = configuration;
    const isWitness = witnesses.includes(by);
    const place = `${epoch}:${entry.index}`;
    const first = this.#applied.get(place);
    if (first === undefined) {
      if (!isWitness) this.#applied.set(place, { by, entry });
      return;
    }
    // A witness holds no more of an entry than its place.
    const text = (each: Entry): string => (isWitness ? placeOf(each) : textOfEntry(each));
    assert.equal(text(entry), text(first.entry), `${by} and ${first.by} applied different entries`);
  }

  /** Election safety, and what each server's state must satisfy by itself. */
  observe(engines: Iterable<Raft>): void {
    for (const { server, configuration } of engines) {
      validate(server);
      if (server.role !== "leader") continue;
      const term = `${configuration.epoch ?? 0}:${server.term}`;
      const first = this.#leaders.get(term) ?? server.id;
      assert.equal(server.id, first, `two leaders in term ${term}`);
      this.#leaders.set(term, first);
    }
  }
}

function placeOf(entry: Entry): string {
  return `${entry.index}/${entry.term}`;
}
