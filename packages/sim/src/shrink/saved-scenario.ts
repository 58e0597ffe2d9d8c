/**
 * A scenario that has failed once, as text to keep: JSON. Pure.
 *
 * What is read comes from a file that anybody may have edited, perhaps of an older simulator: it is
 * parsed, never trusted. Options that did not exist yet are plain.
 */
import { faultKinds, type Scenario } from "../scenario/scenario.ts";
import { plainScenarioOptions } from "./plain-options.ts";

export interface SavedScenario {
  /** What went wrong, in words. */
  readonly title: string;
  /** The subject of the commit that mended it; undefined until there is one. */
  readonly fix?: string;
  /** How it was found. */
  readonly found: { readonly seed: number; readonly oracle: string; readonly message: string };
  readonly scenario: Scenario;
}

export type DecodedScenario =
  | { readonly kind: "saved"; readonly saved: SavedScenario }
  | { readonly kind: "malformed"; readonly reason: string };

/** Scenarios have at most so many steps of a kind, and so many servers. */
const stepsMax = 10_000;
const serversMax = 64;

/** The text of a file. */
export function encodeSavedScenario(saved: SavedScenario): string {
  return `${JSON.stringify(saved, undefined, 2)}\n`;
}

/** The reverse. */
export function decodeSavedScenario(text: string): DecodedScenario {
  try {
    return { kind: "saved", saved: savedOf(JSON.parse(text)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "malformed", reason };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function savedOf(value: unknown): SavedScenario {
  const { title, fix, found, scenario } = fieldsOf(value, "the file");
  const { seed, oracle, message } = fieldsOf(found, "found");
  return {
    title: textOf(title, "title"),
    ...(fix === undefined ? {} : { fix: textOf(fix, "fix") }),
    found: {
      seed: numberOf(seed, "found.seed"),
      oracle: textOf(oracle, "found.oracle"),
      message: textOf(message, "found.message"),
    },
    scenario: scenarioOf(fieldsOf(scenario, "scenario")),
  };
}

function scenarioOf(fields: Fields): Scenario {
  const servers = listOf(fields["servers"], "servers", serversMax);
  if (servers.length === 0) throw new Error("servers: there are none");
  for (const server of servers) textOf(server["id"], "server.id");
  const faults = listOf(fields["faults"], "faults", stepsMax);
  for (const step of faults) checkStep(step, "fault", servers.length);
  const operations = listOf(fields["operations"], "operations", stepsMax);
  for (const step of operations) checkStep(step, "operation", servers.length);
  for (const name of ["seed", "clients", "healAtMs", "untilMs"]) numberOf(fields[name], name);
  const options = { ...plainScenarioOptions, ...fieldsOf(fields["options"], "options") };
  // What else a field may hold is for the types: a run of nonsense ends with an exception, and says so.
  return { ...(fields as unknown as Scenario), options };
}

function checkStep(step: Fields, what: "fault" | "operation", servers: number): void {
  numberOf(step["atMs"], `${what}.atMs`);
  const { kind, server, link } = fieldsOf(step[what], what);
  const name = textOf(kind, `${what}.kind`);
  if (what === "fault" && !(faultKinds as readonly string[]).includes(name)) {
    throw new Error(`there is no fault "${name}"`);
  }
  const places = Array.isArray(link) ? link : server === undefined ? [] : [server];
  for (const place of places) {
    if (Number.isSafeInteger(place) && place >= 0 && place < servers) continue;
    throw new Error(`${name}: there is no server ${JSON.stringify(place)}`);
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${what}: not an object`);
  }
  return value as Fields;
}

function listOf(value: unknown, what: string, lengthMax: number): Fields[] {
  if (!Array.isArray(value)) throw new Error(`${what}: not a list`);
  if (value.length > lengthMax) throw new Error(`${what}: more than ${lengthMax}`);
  return value.map((item) => fieldsOf(item, what));
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Error(`${what}: not a text`);
  return value;
}

function numberOf(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(`${what}: no number`);
  return value;
}
