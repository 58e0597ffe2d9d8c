/** The cluster's description, from whichever member can give it. */
import type { MembershipDescription } from "@flotilla/etcd-api";
import {
  answerMs,
  atEndpoint,
  type EndpointOptions,
  endpointsOf,
  noAnswer,
  silence,
} from "../endpoints.ts";
import type { EtcdCaller } from "../etcd-caller.ts";
import { CommandError } from "../exit.ts";

/** A description, and the endpoint that gave it. */
export interface Seen {
  readonly description: MembershipDescription;
  readonly url: string;
}

/** The first description by a leader; without one, the first by anybody. */
export async function describe(options: EndpointOptions): Promise<Seen> {
  let found: Seen | undefined;
  const failures: CommandError[] = [];
  for (const url of endpointsOf(options)) {
    try {
      const ask = (caller: EtcdCaller) => caller.describeMembership(answerMs);
      const description = await atEndpoint(url, ask, options);
      if (description.leaderId !== 0n) return { description, url };
      found ??= { description, url };
    } catch (error) {
      failures.push(silence(error));
    }
  }
  if (found !== undefined) return found;
  throw noAnswer(failures, options);
}

/** The same for those who are going to change something. */
export async function lookAt(options: EndpointOptions): Promise<Seen> {
  const seen = await describe(options);
  if (seen.description.leaderId === 0n) throw noLeader(options);
  return seen;
}

export function noLeader(options: EndpointOptions): CommandError {
  return new CommandError(
    "refused",
    `No leader: none of ${endpointsOf(options).join(", ")} knows one, so the members cannot be changed`,
    "Start members until a majority of the votes runs. If only one may lead (`flotilla member prefer --static`), that one has to run. If they are lost for good, `flotilla member recover` makes a cluster of what one member holds.",
  );
}
