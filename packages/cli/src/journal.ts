/**
 * systemd's journal, as far as a process can write to it through its standard error: Node.js has no
 * sockets of the kind that the journal takes datagrams on. Source: systemd.exec(5) JOURNAL_STREAM,
 * sd-daemon(3); etcd client/pkg/logutil/zap_journal.go for the priorities.
 */
import { existsSync, fstatSync } from "node:fs";
import type { LogLevel } from "./zap-log.ts";

const socketPath = "/run/systemd/journal/socket";

/** Undefined when standard error is the journal; otherwise what is in the way. */
export function journalProblem(
  variables: Readonly<Record<string, string | undefined>>,
  socket: string = socketPath,
): { readonly isFatal: boolean; readonly text: string } | undefined {
  const { dev, ino } = fstatSync(2);
  if (variables["JOURNAL_STREAM"] === `${dev}:${ino}`) return undefined;
  // As etcd says it, which does not start either.
  const missing = `can't find journal (dial unixgram ${socket}: connect: no such file or directory)`;
  if (!existsSync(socket)) return { isFatal: true, text: missing };
  return { isFatal: false, text: "standard error is not the journal: run as a unit of systemd" };
}

/** What systemd takes off the front of a line; etcd gives the same priorities. */
export const journalPrefixes: Readonly<Record<LogLevel, string>> = {
  debug: "<7>",
  info: "<6>",
  warn: "<4>",
  error: "<3>",
  dpanic: "<2>",
  panic: "<2>",
  fatal: "<2>",
};
