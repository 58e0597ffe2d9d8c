/**
 * How `flotilla chaos partition` tells a member whom it cannot reach any more: through a socket in the
 * file system, for its owner alone, that a member has when it is started with `--chaos-socket`.
 *
 * One line in, the names of the others by commas, none to end it; one line out, `ok` or what is wrong.
 */
import { rmSync, statSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@flotilla/base";
import type { RunningMember } from "@flotilla/member";
import { CommandError, reasonOf } from "./exit.ts";

/** Its name in a member's data directory, where `up` starts it. */
export const chaosSocketName = "chaos.sock";

/** A line: every member's name fits many times. */
const lineBytesMax = 64 * 1024;
/** From a connection to its line, and from a line to its answer. */
const lineMs = 5_000;
/** Who else opens it. */
const ownerOnly = 0o177;

type Reached = Pick<RunningMember, "id" | "members" | "cutOff">;

/** Listens; a member without it runs as well. Returns how to close it. */
export async function serveChaos(
  path: string,
  member: Reached,
  logger: Logger,
): Promise<() => Promise<void>> {
  const server = createServer((socket) => {
    lineFrom(socket).then(
      (line) => {
        const answer = cutOff(member, line);
        logger.warn("told to be cut off", { from: line, answer });
        socket.end(`${answer}\n`);
      },
      () => socket.destroy(), // Whoever it was said nothing.
    );
  });
  try {
    await listen(server, path);
  } catch (error) {
    logger.warn("no socket for chaos", { path, reason: reasonOf(error) });
    return async () => {};
  }
  return async () => void server.close(); // Whoever is silent on it is not waited for.
}

/** Tells the member behind `path`. Ends the command when it does not do that. */
export async function tellChaos(path: string, names: readonly string[]): Promise<void> {
  const socket = connect(path, () => socket.write(`${names.join(",")}\n`));
  const answer = await lineFrom(socket).catch((error: unknown) => {
    throw new CommandError(
      "cannotConnect",
      `Cannot reach the member at ${path}: ${reasonOf(error)}`,
      "Members that were started by an older version have no such socket: `flotilla down`, then `flotilla up`.",
    );
  });
  socket.destroy();
  if (answer !== "ok") throw new CommandError("refused", `The member at ${path} says: ${answer}`);
}

function cutOff(member: Reached, line: string): string {
  const names = line === "" ? [] : line.split(",");
  const ids = new Set<bigint>();
  for (const name of names) {
    const other = member.members().find((one) => one.name === name);
    if (other === undefined) return `there is no member ${name}`;
    if (other.id === member.id) return `${name} is this member`;
    ids.add(other.id);
  }
  member.cutOff(ids);
  return "ok";
}

/** What comes before the first end of a line; rejects when none comes. */
function lineFrom(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => reject(new Error("it is silent")), lineMs);
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(late);
      reject(new Error("it hung up"));
    });
    socket.on("data", (piece: string) => {
      text += piece;
      const end = text.indexOf("\n");
      if (end >= 0) {
        clearTimeout(late);
        resolve(text.slice(0, end));
      } else if (text.length > lineBytesMax) reject(new Error("it talks too much"));
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  // What a dead process has left.
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(ownerOnly); // The file is made before `listen` returns.
    server.listen(path, resolve);
    process.umask(mask);
  });
}
