export type { TlsMaterial } from "@flotilla/pki";
export { type PeerAddress, parsePeerUrl, peerUrlOf } from "./address.ts";
export { askPeer } from "./ask.ts";
export type { CallOutcome } from "./call-channel.ts";
export { PeerError, type PeerErrorCode } from "./errors.ts";
export { nodeTimers } from "./timers.ts";
export {
  openPeerTransport,
  type PeerDeps,
  type PeerHandlers,
  type PeerOptions,
  type PeerTransport,
} from "./transport.ts";
