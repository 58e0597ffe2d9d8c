/** A forced recovery in words: what is kept, what is lost, who is left behind. Pure. */
import { nodeIdOf, type RecoveryPlan } from "@flotilla/member";
import { listed } from "./description.ts";

type Recovering = Pick<
  RecoveryPlan,
  "member" | "epoch" | "keptIndex" | "committedIndex" | "superseded"
>;

/** Before a person agrees. */
export function recoveryPlanned(plan: Recovering): string {
  const { member, epoch, keptIndex, committedIndex } = plan;
  const unsure = keptIndex - committedIndex;
  return [
    `${nameOf(member)} becomes the only member of the cluster, in epoch ${epoch}.`,
    `Entries up to ${keptIndex} are kept; what only others had is lost.`,
    ...(unsure > 0
      ? [
          `The last ${unsure} of them may never have been acknowledged to anybody: they count as written from now on.`,
        ]
      : []),
    ...leftBehind(plan),
    "Warning: when a majority of the votes can still be brought back, do that instead: nothing is lost then.",
  ].join("\n");
}

function leftBehind({ superseded }: Recovering): string[] {
  if (superseded.length === 0) return [];
  const names = listed(superseded.map(nameOf));
  return [
    superseded.length === 1
      ? `Member ${names} of the old epoch will be refused until its data is wiped and it is added anew.`
      : `Members ${names} of the old epoch will be refused until their data is wiped and they are added anew.`,
  ];
}

/** After it is done. */
export function recovered({ member, superseded }: Recovering, dataDir: string): string {
  const lines = [`Recovered: start ${nameOf(member)} on ${dataDir} as before, and it leads alone.`];
  if (superseded.length > 0) {
    lines.push(
      `Then get others back: stop them, delete their data directories, and add each with \`flotilla member add\`.`,
    );
  }
  return lines.join("\n");
}

function nameOf({ id, name }: { readonly id: bigint; readonly name: string }): string {
  return name === "" ? nodeIdOf(id) : name;
}
