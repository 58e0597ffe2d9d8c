/** What each oracle and checker stands for, in a sentence that needs no knowledge of it. Pure. */

const promises: Readonly<Record<string, string>> = {
  answers: "Whoever asks a server that lives is answered in the time that requests have.",
  appliedDurable: "What a server applies is on its own disk.",
  appliedOnce: "Each entry reaches a state machine once, in order.",
  committedImmutable: "What is committed never changes.",
  committedOnQuorum: "An entry is committed only when a quorum has it, in a leader's own term.",
  comparison: "A conditional write is done exactly when its condition holds.",
  configuration: "Every configuration follows from the one before by an allowed change.",
  configurationInForce: "A server goes by the newest configuration in its log.",
  converges: "Some time after all faults have ended, all servers are alike.",
  durability: "What is committed is on disks that a new leader can be elected from.",
  electedOnQuorum: "A leader has the votes of a quorum.",
  electionSafety: "A term has one leader at most.",
  exception: "No server ends with an error that no fault explains.",
  isolation: "Nobody who belongs to the cluster takes no part in it.",
  leaderAppendOnly: "A leader never cuts or rewrites its own log.",
  leaderCompleteness: "A new leader has everything that is committed.",
  leaderElected: "Some time after all faults have ended, all follow one leader.",
  leaseResurrected: "A lease that has ended does not come back.",
  leaseTooLong: "A key goes when its lease ends.",
  leaseTooShort: "A lease lives as long as its client was promised.",
  linearizability: "Each operation takes effect at one moment between its call and its answer.",
  logMatching: "Logs with the same term at an index are the same up to there.",
  logShape: "A log has no holes, and its terms never fall.",
  logShrinks: "A log is cut only to make room for other entries.",
  lostWrite: "A write that was acknowledged is there.",
  monotone: "Terms, commit and applied positions never go back.",
  oldEpoch: "Servers that a forced recovery has left behind take no part.",
  oneVotePerTerm: "A server votes for one candidate in a term.",
  phantom: "Nobody reads what nobody has written.",
  preVote: "Nobody campaigns before a quorum has said that it would vote for it.",
  promises: "A vote or an acknowledgement leaves a server only after its disk has it.",
  quorumCheck: "A leader that hears no quorum any more steps down.",
  realTime: "Nobody is told of an older state after somebody was told of a newer one.",
  recovery: "A server starts again on a disk that kept all that it promised.",
  refused: "Nothing is refused without a reason.",
  replaced: "Some time after all faults have ended, no server waits for another store any more.",
  removedLeads: "A leader that was voted out takes no proposals.",
  removedVotes: "A server that knows that it was removed does not vote.",
  serves: "Some time after all faults have ended, every server serves reads and writes.",
  stalledDisk: "A leader whose disk stands still steps down.",
  stateHash: "State machines that have applied the same entries are the same.",
  stateMachineSafety: "No two servers apply different entries at the same position.",
  stateOrdering: "A server applies only what is committed, and commits only what it has.",
  stickiness: "Who hears a leader votes for nobody else.",
  survives: "After the heal somebody is left, and runs.",
  watch: "A watch tells every change once, in order, and nothing else.",
};

/** Those that are judged at the end, by what clients have seen in all the time before. */
const judgedByHistory: ReadonlySet<string> = new Set([
  "appliedOnce",
  "comparison",
  "leaseResurrected",
  "leaseTooLong",
  "leaseTooShort",
  "linearizability",
  "lostWrite",
  "phantom",
  "realTime",
  "refused",
  "watch",
]);

/** True where the end of the story is not the place at which it went wrong. */
export function isJudgedByHistory(oracle: string): boolean {
  return judgedByHistory.has(oracle);
}

/** Undefined for an oracle that is not in the list. */
export function promiseOf(oracle: string): string | undefined {
  return Object.hasOwn(promises, oracle) ? promises[oracle] : undefined;
}
