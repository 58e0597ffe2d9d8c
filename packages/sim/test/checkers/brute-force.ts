/**
 * The slow twin of the linearizability checker: every order of every choice of operations, and every
 * revision that a write without an outcome can have taken, on a concrete register.
 */
import type { Comparison, Input, Operation } from "../../src/checkers/history.ts";

interface Register {
  readonly value: string | undefined;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: string | undefined;
  readonly floor: number;
}

const gone = { value: undefined, modRevision: 0, version: 0, lease: undefined };

export function isLinearizable(history: readonly Operation[]): boolean {
  const highest = Math.max(
    history.length,
    ...history.map(({ output }) =>
      output !== undefined && "revision" in output ? output.revision : 0,
    ),
  );
  return canPlace({ ...gone, floor: 0 }, history, highest + history.length);
}

function canPlace(register: Register, left: readonly Operation[], highest: number): boolean {
  const must = left.filter((operation) => operation.returnedAt !== undefined);
  if (must.length === 0) return true;
  const firstReturn = Math.min(...must.map(({ returnedAt }) => returnedAt?.sequence ?? 0));
  return left.some((operation) => {
    if (operation.calledAt.sequence > firstReturn) return false;
    const rest = left.filter((other) => other !== operation);
    return outcomes(register, operation, highest).some((next) => canPlace(next, rest, highest));
  });
}

/** Every register that could be there after the operation. */
function outcomes(register: Register, operation: Operation, highest: number): Register[] {
  const { input, output } = operation;
  if (output === undefined) return unknownOutcomes(register, input, highest);
  switch (output.kind) {
    case "refused":
      return [register];
    case "get": {
      const isSame =
        output.found?.value === register.value &&
        (output.found?.modRevision ?? 0) === register.modRevision &&
        (output.found?.version ?? 0) === register.version;
      return isSame ? unchanged(register, output.revision) : [];
    }
    case "put":
      return input.kind === "put" ? written(register, input, output.revision) : [];
    case "cas": {
      if (input.kind !== "cas" || holds(register, input.compare) !== output.succeeded) return [];
      return output.succeeded
        ? written(register, input, output.revision)
        : unchanged(register, output.revision);
    }
    case "delete": {
      if (output.deleted !== (register.value === undefined ? 0 : 1)) return [];
      if (output.deleted === 0) return unchanged(register, output.revision);
      return output.revision > register.floor ? [{ ...gone, floor: output.revision }] : [];
    }
    case "expire":
      return unknownOutcomes(register, input, highest);
  }
}

function unknownOutcomes(register: Register, input: Input, highest: number): Register[] {
  const revisions = Array.from(
    { length: Math.max(0, highest - register.floor) },
    (_, at) => register.floor + 1 + at,
  );
  const remove = (): Register[] => revisions.map((floor) => ({ ...gone, floor }));
  switch (input.kind) {
    case "get":
      return [register];
    case "put":
      return revisions.flatMap((revision) => written(register, input, revision));
    case "cas":
      return holds(register, input.compare)
        ? revisions.flatMap((revision) => written(register, input, revision))
        : [register];
    case "delete":
      return register.value === undefined ? [register] : remove();
    case "expire":
      return register.lease !== undefined && register.lease === input.lease ? remove() : [register];
  }
}

function holds(register: Register, { target, equals }: Comparison): boolean {
  if (target === "value") return register.value === equals;
  return (target === "version" ? register.version : register.modRevision) === equals;
}

function unchanged(register: Register, revision: number): Register[] {
  return revision >= register.floor ? [{ ...register, floor: revision }] : [];
}

function written(
  register: Register,
  put: { readonly value: string; readonly lease?: string },
  revision: number,
): Register[] {
  if (revision <= register.floor) return [];
  const { value, lease } = put;
  const { version } = register;
  return [{ value, modRevision: revision, version: version + 1, lease, floor: revision }];
}
