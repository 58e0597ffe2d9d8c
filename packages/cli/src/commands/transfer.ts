/** `flotilla member transfer`: hands leadership to another member. */
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { confirm } from "../confirm.ts";
import { answerMs, atEndpoint, type EndpointOptions, endpointsOf } from "../endpoints.ts";
import type { EtcdCaller } from "../etcd-caller.ts";
import { CommandError } from "../exit.ts";
import { callOf, memberCalled } from "../membership/description.ts";
import { lookAt } from "../membership/look.ts";
import { transferConsequences } from "../membership/transfer-consequences.ts";

export async function transfer(
  who: string,
  options: EndpointOptions & { readonly yes: boolean },
): Promise<void> {
  const { description } = await lookAt(options);
  const target = memberCalled(description, who);
  const name = callOf(description, nodeIdOf(target.id));
  const leader = callOf(description, nodeIdOf(description.leaderId));
  const consequences = transferConsequences(description, target);
  if (consequences.kind === "refused") {
    throw new CommandError(
      "badInput",
      `Cannot transfer leadership to ${name}: ${consequences.why}`,
    );
  }
  process.stdout.write(`${consequences.lines.join("\n")}\n`);
  await confirm(`transfer leadership to ${name}`, options);
  const url = await urlOfLeader(description, options);
  await atEndpoint(url, (caller) => caller.moveLeader(target.id), options);
  process.stdout.write(`Leadership transferred from ${leader} to ${name}.\n`);
}

/** Of the endpoints the one that leads; else where the leader has told that it is reached. */
async function urlOfLeader(
  { leaderId, members }: MembershipDescription,
  options: EndpointOptions,
): Promise<string> {
  for (const url of endpointsOf(options)) {
    const ask = (caller: EtcdCaller) => caller.status(answerMs);
    const status = await atEndpoint(url, ask, options).catch(() => undefined);
    if (status?.header.memberId === leaderId) return url;
  }
  const told = members.find(({ id }) => id === leaderId)?.clientUrls[0];
  if (told !== undefined) return told;
  throw new CommandError(
    "cannotConnect",
    "None of the endpoints leads, and the leader has not told where clients reach it",
    "Name the leader's address with --endpoints.",
  );
}
