/** A new member finds out who it is: it asks the members that it was told of, until one knows it. */
import { WireError } from "@flotilla/base";
import type { CallOutcome } from "@flotilla/peer";
import { MemberError } from "./errors.ts";
import { decodeJoinAnswer, encodeJoinQuestion, type JoinAnswer } from "./join-call.ts";
import { joinAskMs, joinMs, joinRetryMs } from "./limits.ts";

export interface JoinPorts {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Asks who listens at a peer URL. Never rejects. */
  ask(peerUrl: string, request: Uint8Array, timeoutMs: number): Promise<CallOutcome>;
}

export type Joined = Extract<JoinAnswer, { kind: "member" }>;

/**
 * Asks for about {@link joinMs} at most: whom it asks may lag behind the change that added it, or may
 * be starting. Throws `MemberError` `notAMember` when all that answer do not know it, `cannotJoin`
 * when nobody answers.
 */
export async function joinCluster(
  self: { readonly name: string; readonly peerUrls: readonly string[] },
  otherUrls: readonly string[],
  ports: JoinPorts,
): Promise<Joined> {
  const request = encodeJoinQuestion(self.peerUrls);
  const end = ports.nowMs() + joinMs;
  let reasons: readonly string[] = [];
  let isUnknown = false;
  while (ports.nowMs() < end) {
    const answers = await Promise.all(otherUrls.map((url) => askOne(url, request, ports)));
    for (const answer of answers) if (answer.kind === "member") return answer;
    isUnknown = answers.some((answer) => answer.kind === "unknown");
    reasons = answers.flatMap((answer) => (answer.kind === "failed" ? [answer.reason] : []));
    await ports.sleep(joinRetryMs);
  }
  if (isUnknown) {
    throw new MemberError(
      "notAMember",
      `The cluster has no member with the peer URLs ${self.peerUrls.join(",")}: add it first, with ` +
        `"flotilla member add ${self.name} --peer-urls=${self.peerUrls.join(",")}"`,
    );
  }
  const why = reasons.length > 0 ? reasons.join("; ") : "the initial cluster names no other member";
  throw new MemberError("cannotJoin", `Cannot join the cluster: ${why}`);
}

async function askOne(
  url: string,
  request: Uint8Array,
  ports: JoinPorts,
): Promise<JoinAnswer | { readonly kind: "failed"; readonly reason: string }> {
  const outcome = await ports.ask(url, request, joinAskMs);
  if (outcome.kind === "failed") return { kind: "failed", reason: `${url}: ${outcome.reason}` };
  try {
    return decodeJoinAnswer(outcome.response);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { kind: "failed", reason: `${url}: ${error.message}` };
  }
}
