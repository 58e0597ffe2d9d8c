/** What can happen in a simulated world. The numbers go into the trace's hash. */
export const eventKind = {
  /** A message, a frame of a snapshot, a call or its answer arrives. */
  message: 1,
  bulk: 2,
  call: 3,
  answer: 4,
  /** A sender learns that what it sent did not arrive. */
  unreachable: 5,
  tick: 6,
  /** A timer of a process runs out. */
  timer: 7,
  /** The next turn of a process's event loop. */
  turn: 8,
  /** An operation of a disk, or of the storage of the state, ends. */
  disk: 9,
  state: 10,
  /** Something is done to the world. */
  fault: 11,
  /** A client begins an operation, hears of one, or gives it up. */
  operation: 12,
  request: 13,
  reply: 14,
  giveUp: 15,
  /** A fault ends by itself, or a process that failed is started again. */
  recovery: 16,
  /** The world is looked at: after healing. */
  probe: 17,
} as const;

/** One of {@link eventKind}'s numbers. */
export type EventKind = (typeof eventKind)[keyof typeof eventKind];
