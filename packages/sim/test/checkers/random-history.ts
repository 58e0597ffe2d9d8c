/** Random histories of one real key: what clients of a correct store could have seen. */
import type { Prng } from "@flotilla/base";
import type { Input, Operation, Output } from "../../src/checkers/history.ts";
import { moment } from "./fixtures.ts";

export interface HistoryShape {
  readonly operations: number;
  /** How many operations may be under way at once, roughly. */
  readonly overlap: number;
  readonly openChance: number;
  /** Also compares modification revisions, of which the model knows a little less than all. */
  readonly compareRevisions: boolean;
}

interface Register {
  value: string | undefined;
  modRevision: number;
  version: number;
  /** Of the whole store: other keys are written too. */
  revision: number;
}

/** Every operation takes effect at a point of its own, somewhere between its call and its return. */
export function randomHistory(prng: Prng, shape: HistoryShape): Operation[] {
  const register: Register = { value: undefined, modRevision: 0, version: 0, revision: 1 };
  const history: Operation[] = [];
  for (let at = 0; at < shape.operations; at++) {
    const point = (at + 1) * 1000;
    const before = prng.below(shape.overlap * 500);
    const after = 1 + prng.below(shape.overlap * 500);
    if (prng.chance(0.3)) register.revision += prng.between(1, 3);
    const input = randomInput(prng, { at, register, shape });
    const isOpen = prng.chance(shape.openChance);
    // An operation without an outcome may never have happened.
    const output = isOpen && prng.chance(0.5) ? undefined : perform(register, input);
    history.push({
      client: at,
      server: "s1",
      key: "k",
      input,
      calledAt: moment(point - before + at / shape.operations),
      returnedAt: isOpen ? undefined : moment(point + after + at / shape.operations),
      output: isOpen ? undefined : output,
    });
  }
  return history;
}

function randomInput(
  prng: Prng,
  from: { readonly at: number; readonly register: Register; readonly shape: HistoryShape },
): Input {
  const value = `v${from.at}`;
  const { register } = from;
  const kind = prng.below(from.shape.compareRevisions ? 8 : 7);
  if (kind <= 1) return { kind: "put", value };
  if (kind <= 4) return { kind: "get" };
  if (kind === 5) return { kind: "delete" };
  if (kind === 7) {
    const equals = register.modRevision + prng.below(2);
    return { kind: "cas", compare: { target: "modRevision", equals }, value };
  }
  const equals = prng.chance(0.6) ? register.value : "other";
  return { kind: "cas", compare: { target: "value", equals }, value };
}

function perform(register: Register, input: Input): Output {
  switch (input.kind) {
    case "put":
      put(register, input.value);
      return { kind: "put", revision: register.revision };
    case "get":
      return { kind: "get", revision: register.revision, found: found(register) };
    case "cas": {
      const { target, equals } = input.compare;
      const succeeded = (target === "value" ? register.value : register.modRevision) === equals;
      if (succeeded) put(register, input.value);
      return { kind: "cas", succeeded, revision: register.revision };
    }
    default: {
      const deleted = register.value === undefined ? 0 : 1;
      if (deleted === 1) {
        Object.assign(register, { value: undefined, modRevision: 0, version: 0 });
        register.revision++;
      }
      return { kind: "delete", deleted, revision: register.revision };
    }
  }
}

function put(register: Register, value: string): void {
  register.revision++;
  register.value = value;
  register.version++;
  register.modRevision = register.revision;
}

function found(register: Register): (Output & { kind: "get" })["found"] {
  const { value, modRevision, version } = register;
  return value === undefined ? undefined : { value, modRevision, version };
}

/** The same with one thing changed in one operation, which may or may not break it. */
export function mutated(prng: Prng, history: readonly Operation[]): Operation[] {
  const at = prng.below(history.length);
  return history.map((operation, index) =>
    index === at ? mutatedOperation(prng, { operation, history }) : operation,
  );
}

function mutatedOperation(
  prng: Prng,
  from: { readonly operation: Operation; readonly history: readonly Operation[] },
): Operation {
  const { operation, history } = from;
  const { output, returnedAt } = operation;
  if (output === undefined || returnedAt === undefined) {
    return { ...operation, calledAt: moment(operation.calledAt.sequence + prng.below(4000)) };
  }
  switch (prng.below(4)) {
    case 0: // It was over long before it took effect.
      return {
        ...operation,
        calledAt: moment(operation.calledAt.sequence - 5000),
        returnedAt: moment(operation.calledAt.sequence - 1000 - prng.below(1000)),
      };
    case 1:
      return { ...operation, output: shifted(output, prng.pick([-2, -1, 1, 2])) };
    case 2:
      return { ...operation, output: contradicted(output) };
    default: {
      const other = prng.pick(history).output;
      return other?.kind === output.kind ? { ...operation, output: other } : operation;
    }
  }
}

function shifted(output: Output, by: number): Output {
  return "revision" in output ? { ...output, revision: Math.max(0, output.revision + by) } : output;
}

function contradicted(output: Output): Output {
  switch (output.kind) {
    case "get":
      return output.found === undefined
        ? { ...output, found: { value: "v0", modRevision: output.revision, version: 1 } }
        : { ...output, found: { ...output.found, version: output.found.version + 1 } };
    case "cas":
      return { ...output, succeeded: !output.succeeded };
    case "delete":
      return { ...output, deleted: 1 - output.deleted };
    default:
      return output;
  }
}
