/** A new member finds out who it is: it asks the members that it was told of, until one knows it. */
import { WireError } from "@flotilla/base";
import type { CallOutcome } from "@flotilla/peer";
import { MemberError } from "./errors.ts";
import {
  decodeJoinAnswer,
  encodeJoinQuestion,
  type JoinAnswer,
  newestAnswer,
} from "./join-call.ts";
import { joinAskMs, joinLagMs, joinMs, joinRetryMs } from "./limits.ts";

export interface JoinPorts {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Asks who listens at a peer URL. Never rejects. */
  ask(peerUrl: string, request: Uint8Array, timeoutMs: number): Promise<CallOutcome>;
}

type Answer = JoinAnswer | { readonly kind: "failed"; readonly reason: string };

export type Joined = Extract<JoinAnswer, { kind: "member" }>;

/**
 * Asks for a while: whom it asks may be starting, or may lag behind the change that added it. Throws
 * `MemberError` `cannotJoin` when nobody answers, `notAMember` when nobody knows it.
 */
export async function joinCluster(
  self: { readonly name: string; readonly peerUrls: readonly string[] },
  otherUrls: readonly string[],
  ports: JoinPorts,
): Promise<Joined> {
  const request = encodeJoinQuestion(self.peerUrls);
  const beganMs = ports.nowMs();
  let unknownSinceMs: number | undefined;
  for (;;) {
    const answers = await Promise.all(otherUrls.map((url) => askOne(url, request, ports)));
    const newest = newestAnswer(answers.filter((answer) => answer.kind !== "failed"));
    if (newest?.kind === "member") return newest;
    const nowMs = ports.nowMs();
    if (newest !== undefined) unknownSinceMs ??= nowMs;
    if (unknownSinceMs !== undefined && nowMs - unknownSinceMs >= joinLagMs) throw notAMember(self);
    if (nowMs - beganMs >= joinMs || otherUrls.length === 0) throw cannotJoin(answers);
    await ports.sleep(joinRetryMs);
  }
}

/**
 * A founder that has taken part before, and comes without its data, must not begin again. One look,
 * as etcd takes it: whoever does not answer now may be starting. Throws `MemberError` `bootstrapped`.
 */
export async function checkNotBootstrapped(
  self: { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] },
  otherUrls: readonly string[],
  ports: JoinPorts,
): Promise<void> {
  const request = encodeJoinQuestion(self.peerUrls);
  const answers = await Promise.all(otherUrls.map((url) => askOne(url, request, ports)));
  const newest = newestAnswer(answers.filter((answer) => answer.kind !== "failed"));
  if (newest?.kind !== "member" || newest.id !== self.id || !newest.hasStarted) return;
  const id = self.id.toString(16);
  throw new MemberError(
    "bootstrapped",
    `member ${id} has already been bootstrapped: start "${self.name}" with the data directory that it had, ` +
      `or remove it with "flotilla member remove ${id}" and add it anew`,
  );
}

function notAMember({
  name,
  peerUrls,
}: {
  name: string;
  peerUrls: readonly string[];
}): MemberError {
  const urls = peerUrls.join(",");
  return new MemberError(
    "notAMember",
    `The cluster has no member with the peer URLs ${urls}: add it first, with ` +
      `"flotilla member add ${name} --peer-urls=${urls}"`,
  );
}

function cannotJoin(answers: readonly Answer[]): MemberError {
  const reasons = answers.flatMap((answer) => (answer.kind === "failed" ? [answer.reason] : []));
  const why = reasons.length > 0 ? reasons.join("; ") : "the initial cluster names no other member";
  return new MemberError("cannotJoin", `Cannot join the cluster: ${why}`);
}

async function askOne(url: string, request: Uint8Array, ports: JoinPorts): Promise<Answer> {
  const outcome = await ports.ask(url, request, joinAskMs);
  if (outcome.kind === "failed") return { kind: "failed", reason: `${url}: ${outcome.reason}` };
  try {
    return decodeJoinAnswer(outcome.response);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { kind: "failed", reason: `${url}: ${error.message}` };
  }
}
