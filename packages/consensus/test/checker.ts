/**
 * What must hold in every execution (Raft paper, figure 3), checked from outside after each step.
 *
 * The checker knows everything and shares no code with the engine: it keeps the one chain of
 * applied entries, counts quorums naively, and remembers terms and votes across restarts.
 */
import { strict as assert } from "node:assert";
import type { Effects, Entry, Message, NodeId, ReadReady } from "../src/contract.ts";
import { validate } from "../src/raft/validate.ts";
import { type Cluster, type Member, type Observer, textOfEntry } from "./cluster.ts";

interface Seen {
  raft: Member["raft"];
  term: number;
  commit: number;
  /** The shape of its log: nothing is checked again while that stays. */
  log: string;
}

export class Checker implements Observer {
  readsServed = 0;
  /** Every entry that any member was told to apply; index 1 is at 0. */
  readonly chain: string[] = [];
  readonly #chainTerms: number[] = [];
  readonly #leaders = new Map<number, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  /** (index, term) -> content and the term before it: equal pairs mean equal prefixes. */
  readonly #entries = new Map<string, string>();
  readonly #seen = new Map<NodeId, Seen>();
  readonly #readFloors = new Map<string, number>();

  effects(member: Member, effects: Effects): void {
    for (const entry of effects.committed) this.#checkApplied(member, entry);
    for (const read of effects.reads) this.#checkRead(member, read);
  }

  sent(message: Message): void {
    if (message.kind === "voteResponse" && message.granted) this.#checkVote(message);
  }

  /** A read starts now: it must see everything that was acknowledged before. */
  readStarts(id: NodeId, requestId: number): void {
    this.#readFloors.set(`${id}/${requestId}`, this.chain.length);
  }

  #checkRead(member: Member, { requestId, index }: ReadReady): void {
    const key = `${member.id}/${requestId}`;
    const floor = this.#readFloors.get(key);
    assert.ok(floor !== undefined, `${member.id}: a read that nobody asked for`);
    assert.ok(index >= floor, `${member.id}: stale read at ${index}, ${floor} was acknowledged`);
    this.#readFloors.delete(key);
    this.readsServed++;
  }

  /** State machine safety: everybody applies the same at each index. */
  #checkApplied(member: Member, entry: Entry): void {
    const { index } = entry;
    if (member.isWitness) {
      const term = this.#chainTerms[index - 1] ?? entry.term;
      assert.equal(entry.term, term, `${member.id}: state machines differ at ${index}`);
      return;
    }
    const text = textOfEntry(entry);
    if (index <= this.chain.length) {
      assert.equal(text, this.chain[index - 1], `${member.id}: state machines differ at ${index}`);
      return;
    }
    assert.equal(index, this.chain.length + 1, `${member.id}: applied ${index} too early`);
    this.chain.push(text);
    this.#chainTerms.push(entry.term);
  }

  /** One vote for each server and term, whatever crashes in between. */
  #checkVote(message: Message): void {
    const key = `${message.from}/${message.incarnation ?? 0}/${message.term}`;
    const earlier = this.#votes.get(key) ?? message.to;
    assert.equal(message.to, earlier, `${message.from}: two votes in term ${message.term}`);
    this.#votes.set(key, message.to);
  }

  /** To be called after each step that concerned `member`. */
  check(cluster: Cluster, member: Member): void {
    if (!member.isUp) return;
    validate(member.server);
    const before = this.#seen.get(member.id);
    this.#checkMonotone(member, before);
    const { term, commitIndex, log, role } = member.server;
    const shape = `${role}/${term}/${commitIndex}/${log.firstIndex}/${log.lastIndex}/${log.lastTerm}`;
    this.#seen.set(member.id, { raft: member.raft, term, commit: commitIndex, log: shape });
    if (before?.raft === member.raft && before.log === shape) return;
    this.#checkLog(member);
    if (!member.isLeader) return;
    this.#checkLeader(member);
    // What was committed before was judged by the configuration before.
    if (commitIndex !== before?.commit) this.#checkOnQuorum(cluster, member, commitIndex);
  }

  #checkMonotone(member: Member, before: Seen | undefined): void {
    if (before?.raft !== member.raft) return; // A restart forgets what was not durable.
    const { term, commitIndex } = member.server;
    assert.ok(term >= before.term, `${member.id}: its term fell`);
    assert.ok(commitIndex >= before.commit, `${member.id}: its commit index fell`);
  }

  /** Log matching. */
  #checkLog(member: Member): void {
    const { log } = member.server;
    if (member.isWitness) return; // Its entries are hollow.
    let before = log.termAt(log.compactedIndex) ?? 0;
    for (const entry of log.slice(log.firstIndex, log.lastIndex)) {
      const key = `${entry.index}/${entry.term}`;
      const content = `${before}<${textOfEntry(entry)}`;
      const earlier = this.#entries.get(key);
      if (earlier === undefined) this.#entries.set(key, content);
      else assert.equal(content, earlier, `${member.id}: logs do not match at ${key}`);
      before = entry.term;
    }
  }

  #checkLeader(leader: Member): void {
    const { term, log } = leader.server;
    const elected = this.#leaders.get(term) ?? leader.id;
    assert.equal(leader.id, elected, `election safety: two leaders in term ${term}`);
    this.#leaders.set(term, leader.id);

    // Leader completeness: what was applied anywhere in an earlier term is in this log.
    for (let index = log.firstIndex; index <= this.chain.length; index++) {
      if ((this.#chainTerms[index - 1] ?? 0) >= term) break;
      const held = index <= log.lastIndex ? textOfEntry(log.at(index)) : "nothing";
      assert.equal(
        held,
        this.chain[index - 1],
        `${leader.id}: leads term ${term} without ${index}`,
      );
    }
  }

  /** What the leader has newly committed is on the disks of more than half of the voters. */
  #checkOnQuorum(cluster: Cluster, leader: Member, index: number): void {
    const term = leader.server.log.termAt(index);
    if (index === 0 || term !== leader.server.term) return;
    const holds = ({ id }: { readonly id: NodeId }): boolean => {
      const { snapshot, entries } = cluster.get(id).disk;
      const isHeld = entries.some((entry) => entry.index === index && entry.term === term);
      return isHeld || snapshot.index >= index;
    };
    const { configuration } = leader.server;
    for (const half of ["voters", "outgoing"] as const) {
      const voters = configuration[half];
      const votes = (some: typeof voters): number =>
        some.reduce((sum, each) => sum + each.votes, 0);
      const isQuorum = voters.length === 0 || 2 * votes(voters.filter(holds)) > votes(voters);
      assert.ok(isQuorum, `${leader.id}: ${index} is not on a quorum of the ${half}`);
    }
  }
}
