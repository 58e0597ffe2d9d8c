/** Faults in words. Pure. */
import { assertNever } from "@flotilla/base";
import type { Fault } from "../scenario/scenario.ts";
import type { DirectedLink } from "../world/topology.ts";

/** What is done; `name` gives the id of a server. */
export function faultText(fault: Fault, name: (server: number) => string): string {
  switch (fault.kind) {
    case "crash":
      return crashText(fault, name(fault.server));
    case "pause":
      return `${name(fault.server)} stands still for ${ms(fault.forMs)}`;
    case "eclipse":
      return `whoever leads, or ${name(fault.server)}, stands still for ${ms(fault.forMs)} and hears nobody for ${ms(fault.cutMs)}`;
    case "wipe":
      return `${name(fault.server)} gets a new, empty disk`;
    case "cut": {
      const how = fault.isNoticed ? ", and senders are told" : "";
      return `cut for ${ms(fault.forMs)} (${fault.shape}): ${linksText(fault.links, name)}${how}`;
    }
    case "clog":
      return `${linksText([fault.link], name)} holds everything back for ${ms(fault.forMs)}`;
    case "degrade": {
      const { delayMaxMs, loss, duplicate } = fault.quality;
      return (
        `${linksText([fault.link], name)} is bad for ${ms(fault.forMs)}: up to ${ms(delayMaxMs)} late, ` +
        `loses ${percent(loss)}, doubles ${percent(duplicate)}`
      );
    }
    case "clockRate":
      return `the clock of ${name(fault.server)} goes at ${fault.rate.toFixed(3)} from now on`;
    case "clockLeap":
      return `the clock of ${name(fault.server)} leaps ahead by ${ms(fault.byMs)}`;
    case "slowApply":
      return `${name(fault.server)} applies slowly for ${ms(fault.forMs)}: ${ms(fault.stallMs)} each`;
    case "replaceState":
      return replacementText(fault, name(fault.server));
    case "recover":
      return `all but ${name(fault.server)} are lost, and it is recovered by force`;
    case "diskStall":
    case "diskSlow":
    case "diskFull":
    case "diskError":
    case "diskLie":
    case "bitFlip":
      return diskText(fault, name(fault.server));
    default:
      return assertNever(fault);
  }
}

function crashText(fault: Extract<Fault, { kind: "crash" }>, server: string): string {
  const what = fault.power ? "loses power" : "is killed";
  const when = fault.isInWrite ? " in the middle of its next write" : "";
  return `${server} ${what}${when}, and starts again after ${ms(fault.downMs)}`;
}

function replacementText(
  { isLeader, patienceMs }: Extract<Fault, { kind: "replaceState" }>,
  server: string,
): string {
  const who = isLeader ? `whoever leads, or ${server},` : server;
  const again = patienceMs > 0 ? `, and tries again when that takes ${ms(patienceMs)}` : "";
  return `${who} has its store replaced by the leader's${again}`;
}

type DiskFault = Extract<
  Fault,
  { kind: "diskStall" | "diskSlow" | "diskFull" | "diskError" | "diskLie" | "bitFlip" }
>;

function diskText(fault: DiskFault, server: string): string {
  const disk = `the disk of ${server}`;
  switch (fault.kind) {
    case "diskStall":
      return `${disk} does nothing for ${ms(fault.forMs)}`;
    case "diskSlow":
      return `${disk} is ${fault.factor} times slower for ${ms(fault.forMs)}`;
    case "diskFull":
      return `${disk} is full for ${ms(fault.forMs)}`;
    case "diskError":
      return `the next write on ${disk} fails`;
    case "diskLie":
      return `${disk} lies for ${ms(fault.forMs)}: a power loss then takes back what it acknowledged`;
    case "bitFlip":
      return `a bit flips on ${disk}, and ${server} starts again`;
  }
}

/** `a1-a2 a1>a3`: both directions, one direction. */
function linksText(links: readonly DirectedLink[], name: (server: number) => string): string {
  const all = new Set(links.map(([from, to]) => `${name(from)}>${name(to)}`));
  const texts: string[] = [];
  for (const [from, to] of links) {
    const isBoth = all.has(`${name(to)}>${name(from)}`);
    if (!isBoth) texts.push(`${name(from)}>${name(to)}`);
    else if (from < to) texts.push(`${name(from)}-${name(to)}`);
  }
  return texts.join(" ");
}

function ms(value: number): string {
  return `${Number(value.toFixed(2))} ms`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
