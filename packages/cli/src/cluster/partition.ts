/** `m1,m2|m3`: who cannot reach whom. Pure. */
import { CommandError } from "../exit.ts";

/** The groups as they were written; members of one reach each other, and whoever is in none. */
export type Groups = readonly (readonly string[])[];

/** Ends the command for what makes no sense. `known`: members, `nodes`: nodes, by name. */
export function parseGroups(
  text: string,
  known: readonly string[],
  nodes: readonly string[],
): Groups {
  const groups = text.split("|").map((group) => group.split(",").map((name) => name.trim()));
  if (groups.length < 2 || groups.some((group) => group.includes(""))) {
    throw new CommandError(
      "badInput",
      `Cannot part ${JSON.stringify(text)}: it takes groups of members, as in 'm1|m2,m3'`,
    );
  }
  const names = groups.flat();
  for (const name of names) {
    if (nodes.includes(name)) {
      throw new CommandError(
        "badInput",
        `${name} is a node: only members can be parted from each other`,
        `\`flotilla chaos pause ${name}\` stops a node in its tracks.`,
      );
    }
    if (!known.includes(name)) {
      throw new CommandError(
        "badInput",
        `There is no member ${JSON.stringify(name)}`,
        `There are: ${known.join(", ")}.`,
      );
    }
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      throw new CommandError("badInput", `${name} cannot be in two places`);
    }
  }
  return groups;
}

/** Whom each member that is named cannot reach. */
export function cutOffs(groups: Groups): ReadonlyMap<string, readonly string[]> {
  return new Map(
    groups.flatMap((group) => {
      const others = groups.filter((other) => other !== group).flat();
      return group.map((name) => [name, others] as const);
    }),
  );
}
