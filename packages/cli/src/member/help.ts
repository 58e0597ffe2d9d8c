/** The flags, as the help shows them. Pure. */
import { type Flag, type FlagGroup, flags, variableOf } from "./flags.ts";

/** For `flotilla member --help`: by group; those without effect in one line at the end of theirs. */
export function flagsHelp(): string {
  const groups = new Map<FlagGroup, Flag[]>();
  for (const flag of flags.values()) {
    groups.set(flag.group, [...(groups.get(flag.group) ?? []), flag]);
  }
  const sections = [...groups].map(([group, members]) => section(group, members));
  return [
    "Flags, each also as a variable: --data-dir is ETCD_DATA_DIR, --lease-reads is FLOTILLA_LEASE_READS.",
    "The names of 3.5, --experimental-*, are taken as well.",
    "",
    ...sections,
  ].join("\n");
}

function section(group: FlagGroup, members: readonly Flag[]): string {
  const done = members.filter(({ effect }) => effect === "done");
  const others = members.filter(({ effect }) => effect !== "done");
  const lines = done.map((flag) => `  --${flag.name.padEnd(35)} ${flag.help}${defaultText(flag)}`);
  const names = others.map(({ name }) => `--${name}`).join(", ");
  return [
    `${group}:`,
    ...lines,
    ...(others.length === 0 ? [] : [`  without effect, and warned of: ${names}`]),
    "",
  ].join("\n");
}

function defaultText({ kind, initial, help }: Flag): string {
  const text = String(initial);
  if (text === "" || text === "false" || help.includes("default")) return "";
  return ` (default: ${kind === "duration" ? durationText(Number(initial)) : text})`;
}

function durationText(ms: number): string {
  if (ms === 0) return "0";
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** The table of docs: what becomes of each flag. */
export function flagsTable(): string {
  const rows = [...flags.values()].map((flag) => {
    const { effect } = flag;
    const what =
      effect === "done"
        ? "done"
        : "withoutEffect" in effect
          ? `accepted without effect: ${effect.withoutEffect}`
          : `refused: ${effect.refused}`;
    return `| \`--${flag.name}\` | \`${variableOf(flag.name)}\` | ${what} |`;
  });
  return ["| flag | variable | what becomes of it |", "|---|---|---|", ...rows, ""].join("\n");
}
