/**
 * Who is listened to: servers of this epoch that were not removed and have kept their disk. Others
 * are told so. Strangers are welcome: this server's configuration may be the older one.
 */
import { isBlank } from "../configuration.ts";
import type { Message, RefusalReason } from "../contract.ts";
import { supersede } from "./isolation.ts";
import { envelope, type Server } from "./server.ts";

/** False when the message goes no further, as its sender does not belong here, or this server. */
export function isWelcome(server: Server, message: Message): boolean {
  return (
    isOfThisEpoch(server, message) &&
    !isFromRemoved(server, message) &&
    hasKeptItsDisk(server, message)
  );
}

function isOfThisEpoch(server: Server, message: Message): boolean {
  const epoch = message.epoch ?? 0;
  if (epoch < server.epoch) {
    refuse(server, message, "superseded");
    return false;
  }
  if (epoch === server.epoch) return true;
  if (isBlank(server.configuration)) {
    server.learnEpoch(epoch);
    return true;
  }
  supersede(server, epoch, message.from);
  return false;
}

function isFromRemoved(server: Server, message: Message): boolean {
  const { from } = message;
  // An uncommitted change may be rolled back: it tells nobody that he is out.
  if (!server.roster.isRemoved(from) || !server.isConfigurationCommitted) return false;
  // A leader that removes itself leads until it has a successor; and those who leave may say so.
  if (from === server.leader || server.leadership?.progress.has(from) === true) return false;
  refuse(server, message, "removed");
  return true;
}

/** An id stands for one disk: another one has forgotten what was promised under that id. */
function hasKeptItsDisk(server: Server, message: Message): boolean {
  const { from, incarnation = 0 } = message;
  const heard = server.leadership?.progress.get(from)?.incarnation ?? 0;
  const known = server.roster.incarnationOf(from) || heard; // Registered it will be as soon as it can.
  if (known === 0 || incarnation === 0 || known === incarnation) return true;
  refuse(server, message, "lostDisk");
  return false;
}

function refuse(server: Server, message: Message, reason: RefusalReason): void {
  const { incarnation: refusedIncarnation } = message;
  const refusal = { kind: "refused", ...envelope(server, message.from), reason } as const;
  server.outbox.send(
    refusedIncarnation === undefined ? refusal : { ...refusal, refusedIncarnation },
  );
}
