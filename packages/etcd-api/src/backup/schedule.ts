/** When snapshots are written by themselves, under which name, and which of them go again. Pure. */

/** Snapshots by the clock, written by whoever leads. */
export interface BackupSchedule {
  /** Exists, or is made. Snapshots in it that bear our names are removed once they are too many. */
  readonly directory: string;
  readonly everyMs: number;
  /** So many are kept, at least 1. */
  readonly keep: number;
}

/** One snapshot as its name tells of it. */
export interface BackupName {
  readonly unixSeconds: number;
  readonly revision: number;
  /** Who has written it, as etcd's tools print members. */
  readonly member: string;
}

const pattern =
  /^backup-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-r(\d{1,16})-m([0-9a-f]{1,16})\.snapshot$/;
/** Ends the name of one that is not finished. */
export const unfinished = ".part";

/** `backup-20261122T094500Z-r1234-m8e9e05c52164694d.snapshot`: by name is by time. */
export function backupName({ unixSeconds, revision, member }: BackupName): string {
  const time = new Date(unixSeconds * 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  return `backup-${time}Z-r${revision}-m${member}.snapshot`;
}

/** The reverse; undefined for what is none of ours. */
export function parseBackupName(name: string): BackupName | undefined {
  const match = pattern.exec(name);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, revision, member = ""] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms)) return undefined;
  return { unixSeconds: ms / 1000, revision: Number(revision), member };
}

/** The moment, by a clock that may be wrong or may have been, and how long a backup stands for. */
export interface BackupMoment {
  readonly unixSeconds: number;
  readonly everyMs: number;
}

/**
 * Names of finished backups among those in a directory, newest first. One of a time that is yet to come
 * was written by a clock that went wrong: it comes last.
 */
export function backupsIn(
  names: readonly string[],
  { unixSeconds, everyMs }: BackupMoment,
): readonly string[] {
  const isAhead = (name: string): boolean =>
    ((parseBackupName(name)?.unixSeconds ?? 0) - unixSeconds) * 1000 > everyMs;
  const sorted = names
    .filter((name) => parseBackupName(name) !== undefined)
    .toSorted()
    .toReversed();
  return [...sorted.filter((name) => !isAhead(name)), ...sorted.filter(isAhead)];
}

/** True when it is time, by the names in the directory: none of them is of about now. */
export function isBackupDue(
  names: readonly string[],
  { unixSeconds, everyMs }: BackupMoment,
): boolean {
  return !names.some((name) => {
    const written = parseBackupName(name)?.unixSeconds;
    return written !== undefined && Math.abs(unixSeconds - written) * 1000 < everyMs;
  });
}

/** What is to be removed: finished ones beyond `keep`, and what `member` has not finished. */
export function backupsToRemove(
  names: readonly string[],
  { keep, member, ...moment }: BackupMoment & { readonly keep: number; readonly member: string },
): readonly string[] {
  const isLeftOver = (name: string): boolean =>
    name.endsWith(unfinished) &&
    parseBackupName(name.slice(0, -unfinished.length))?.member === member;
  return [...backupsIn(names, moment).slice(keep), ...names.filter(isLeftOver)];
}
