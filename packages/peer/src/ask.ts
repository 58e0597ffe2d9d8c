/** A question to a member of which nothing is known but where it listens. */
import type { Timers } from "@flotilla/base";
import type { TlsMaterial } from "@flotilla/pki";
import type { PeerAddress } from "./address.ts";
import { CallChannel, type CallOutcome } from "./call-channel.ts";
import { dial } from "./dial.ts";
import { joinBytesMax } from "./limits.ts";
import { nodeTimers } from "./timers.ts";

/**
 * One question, one answer, within `timeoutMs`, for whoever has no identity yet: how a new member
 * learns to which cluster it belongs. Served by `onJoin` of the other side. Never rejects.
 */
export async function askPeer(
  address: PeerAddress,
  request: Uint8Array,
  timeoutMs: number,
  {
    timers = nodeTimers,
    tls,
  }: { readonly timers?: Timers; readonly tls?: TlsMaterial | undefined } = {},
): Promise<CallOutcome> {
  if (request.length > joinBytesMax) return { kind: "failed", reason: "the question is too long" };
  const giveUp = new AbortController();
  const channel = new CallChannel(timers, (handlers) =>
    dial(
      address,
      { purpose: "join", clusterId: 0n, from: "", to: "", url: "" },
      { timers, handlers, signal: giveUp.signal, tls },
    ),
  );
  const outcome = await channel.call(request, timeoutMs);
  giveUp.abort();
  channel.close("answered");
  return outcome;
}
