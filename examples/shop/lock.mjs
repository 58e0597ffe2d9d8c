// One process at a time may use a directory.
//
// The lock is the file lock.<n> with the highest n; it names a process by pid and start time, and is
// void when that process is gone. Whoever finds it void creates lock.<n+1>, which only one can; the
// highest file is never removed, so that numbers only grow.
import { linkSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const retryMs = 100;

/** Resolves once this process holds `directory`; until then calls `onWait(pid)` whenever the holder is another. */
export async function holdDirectory(directory, onWait = () => {}) {
  const own = identityOf(process.pid);
  let waitsFor;
  for (;;) {
    const { number, holder } = highest(directory);
    if (holder === undefined || identityOf(holder.pid)?.start !== holder.start) {
      if (take(directory, number + 1, own)) return;
      continue;
    }
    if (waitsFor !== holder.start) onWait(holder.pid);
    waitsFor = holder.start;
    await wait(retryMs);
  }
}

function take(directory, number, own) {
  const draft = join(directory, `draft.${own.pid}`);
  writeFileSync(draft, JSON.stringify(own));
  try {
    linkSync(draft, join(directory, `lock.${number}`)); // With its content at once, or not at all.
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
  // Somebody may have gone further while we looked at an old file: then ours means nothing.
  if (highest(directory).number !== number) {
    rmSync(join(directory, `lock.${number}`), { force: true });
    return false;
  }
  for (const old of numbers(directory)) {
    if (old < number) rmSync(join(directory, `lock.${old}`), { force: true });
  }
  return true;
}

function highest(directory) {
  const number = Math.max(0, ...numbers(directory));
  try {
    return { number, holder: JSON.parse(readFileSync(join(directory, `lock.${number}`), "utf8")) };
  } catch {
    return { number, holder: undefined }; // None yet, or torn by a power cut: nobody holds it.
  }
}

function numbers(directory) {
  return readdirSync(directory)
    .map((name) => /^lock\.(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);
}

/** A pid comes back; a pid with its boot and its start time (proc(5), field 22 of stat) does not. */
function identityOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return { pid, start: `${boot}/${fields[19]}` };
  } catch {
    return undefined; // Gone.
  }
}
