/** Every bound of the server, in one place. */

/** Limits of a server; all of them have a default in {@link defaultLimits}. */
export interface GrpcLimits {
  /** Connections at once; further ones are closed unanswered. */
  readonly connections: number;
  /** Calls at once on a connection, handlers of cancelled calls that still run included. */
  readonly concurrentStreams: number;
  /** A request message; longer ones end the call with RESOURCE_EXHAUSTED. */
  readonly messageBytes: number;
  /** A decoded header list as RFC 9113 section 6.5.2 counts it; also of the encoded block. */
  readonly headerListBytes: number;
  /** CONTINUATION frames of one header block. */
  readonly continuationFrames: number;
  /** What a client may send on a stream before the server has taken it. */
  readonly streamWindowBytes: number;
  /** What a client may send on a connection before the server has read it from the socket. */
  readonly connectionWindowBytes: number;
  /**
   * Request bytes of a connection that are held for unfinished messages and slow handlers; beyond, calls
   * are refused with RESOURCE_EXHAUSTED. From a part of it on, see {@link heldRequestReserve}, long
   * messages come one after the other.
   */
  readonly heldRequestBytes: number;
  /** Response bytes of one stream at which `write` asks the handler to wait. */
  readonly streamOutboxBytes: number;
  /**
   * Response bytes of a connection that wait for the client's windows: beyond, further calls are refused
   * with RESOURCE_EXHAUSTED unserved, and at {@link heldResponseOverrun} times as many it is ended.
   */
  readonly heldResponseBytes: number;
  /** Bytes of a connection that are handled in one turn of the event loop; the others come first then. */
  readonly turnBytes: number;
  /** Response bytes of a connection given to the socket and not yet accepted by the kernel. */
  readonly socketBacklogBytes: number;
  /** PING, SETTINGS, RST_STREAM and other frames that bring no call forward: burst, and refill per second. */
  readonly controlFramesBurst: number;
  readonly controlFramesPerSecond: number;
  /** Keep-alive pings of a client: the third that comes sooner after the last one ends the connection. 0: any. */
  readonly pingIntervalMsMin: number;
  /** Whether a client without calls may ping at that interval; otherwise every 2 hours. */
  readonly pingsWithoutCalls: boolean;
  /** From the connection to the complete HTTP/2 preface and first SETTINGS frame. */
  readonly prefaceMs: number;
  /** Silence after which a connection is asked by PING whether it is still there. */
  readonly idleMs: number;
  /** Time to answer that PING, and for the last bytes of a closing connection to leave. */
  readonly answerMs: number;
}

/**
 * See `heldRequestBytes`: beyond one part in so many only the oldest unfinished message is let on. The rest
 * is for what clients send on the others without being let: a window of each, in a buffer twice as large,
 * which is enough for 240 long messages at once.
 */
export const heldRequestReserve = 16;

/** See `heldResponseBytes`: calls that were under way may still answer, but not without end. */
export const heldResponseOverrun = 4;

/** Defaults: a trusted network, a few thousand calls in flight, messages of up to 2 MiB. */
export const defaultLimits: GrpcLimits = {
  connections: 16_384,
  concurrentStreams: 4_096,
  messageBytes: 2 * 1024 * 1024,
  headerListBytes: 16 * 1024,
  continuationFrames: 16,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  heldRequestBytes: 128 * 1024 * 1024,
  streamOutboxBytes: 256 * 1024,
  heldResponseBytes: 256 * 1024 * 1024,
  turnBytes: 256 * 1024,
  socketBacklogBytes: 512 * 1024,
  controlFramesBurst: 10_000,
  controlFramesPerSecond: 2_000,
  pingIntervalMsMin: 5_000,
  pingsWithoutCalls: false,
  prefaceMs: 10_000,
  idleMs: 60 * 60_000,
  answerMs: 20_000,
};
