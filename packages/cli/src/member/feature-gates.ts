/** `--feature-gates name=bool,...`, with what each gate is here. Pure. Source: etcd server/features. */
import { parseBool } from "./flag-kinds.ts";

/** `here`: what becomes of it, if it changes nothing. */
interface Gate {
  readonly byDefault: boolean;
  readonly withoutEffect?: string;
}

const gates: ReadonlyMap<string, Gate> = new Map<string, Gate>([
  ["AllAlpha", { byDefault: false, withoutEffect: "gates are set one by one" }],
  ["AllBeta", { byDefault: false, withoutEffect: "gates are set one by one" }],
  ["CompactHashCheck", { byDefault: true }],
  [
    "FastLeaseKeepAlive",
    { byDefault: true, withoutEffect: "keep-alives are always answered from memory" },
  ],
  ["InitialCorruptCheck", { byDefault: false }],
  [
    "LeaseCheckpoint",
    { byDefault: false, withoutEffect: "a new leader gives each lease its full time" },
  ],
  [
    "LeaseCheckpointPersist",
    { byDefault: false, withoutEffect: "a new leader gives each lease its full time" },
  ],
  [
    "PriorityRequest",
    { byDefault: false, withoutEffect: "all streams of a connection have their turns" },
  ],
  [
    "SetMemberLocalAddr",
    { byDefault: false, withoutEffect: "the system chooses the local address" },
  ],
  ["StopGRPCServiceOnDefrag", { byDefault: false, withoutEffect: "defragmentation stops nothing" }],
  ["TxnModeWriteWithSharedBuffer", { byDefault: true, withoutEffect: "LMDB has no such buffer" }],
]);

export type FeatureGates =
  | {
      readonly kind: "gates";
      readonly isSet: (name: string) => boolean;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "wrong"; readonly problem: string };

/** Reads the flag's text; what is wrong with it is said in etcd's words. */
export function parseFeatureGates(text: string): FeatureGates {
  const set = new Map<string, boolean>();
  const warnings: string[] = [];
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const [name = "", given] = part.split("=").map((one) => one.trim());
    if (given === undefined) return wrong(`missing bool value for ${name}`);
    const truth = parseBool(given);
    if (truth === undefined) {
      const reason = `strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`;
      return wrong(`invalid value of ${name}=${given}, err: ${reason}`);
    }
    const gate = gates.get(name);
    if (gate === undefined) return wrong(`unrecognized feature gate: ${name}`);
    if (gate.withoutEffect !== undefined && truth !== gate.byDefault) {
      warnings.push(`${name}=${given}: ${gate.withoutEffect}`);
    }
    set.set(name, truth);
  }
  const isSet = (name: string): boolean => set.get(name) ?? gates.get(name)?.byDefault ?? false;
  return { kind: "gates", isSet, warnings };
}

function wrong(problem: string): FeatureGates {
  return { kind: "wrong", problem };
}
