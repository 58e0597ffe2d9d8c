/**
 * Transactions: which branches are taken, whether they can be carried out, and carrying them out.
 * Pure apart from the view or mutation that it is given.
 *
 * Source: etcd server/etcdserver/txn/txn.go. The branches of the whole tree are chosen from the
 * state before any write; then everything that could fail is checked; only then is written. So a
 * transaction is never half applied, and every member judges it alike (etcd issue 18667).
 */
import { assert, assertNever, compareBytes } from "@flotilla/base";
import type {
  BackendReader,
  Compare,
  DeleteRangeRequest,
  DeleteRangeResult,
  PutRequest,
  PutResult,
  RequestOp,
  StoreError,
  TxnRequest,
  TxnResult,
} from "./contract.ts";
import { boundsOf } from "./key-range.ts";
import { leaseExists } from "./leases.ts";
import type { Mutation } from "./mutation.ts";
import {
  checkRevision,
  type LiveKey,
  readKey,
  readKeys,
  readRange,
  readValue,
  type View,
} from "./read-range.ts";

/** The side of a transaction that its compares choose, with its nested transactions in order. */
export interface Branch {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp[];
  readonly nested: readonly Branch[];
}

type Operation = Exclude<RequestOp, { readonly kind: "txn" }>;

/** What a transaction is carried out on: a view that may also be written to. */
export interface TxnContext {
  /** Now: it moves with the changes of the transaction. */
  view(): View;
  readonly mutation: Mutation | undefined;
}

/** Chooses the branches of the whole tree on one state. */
export function chooseBranch(reader: BackendReader, request: TxnRequest): Branch {
  const succeeded = request.compare.every((compare) => compareHolds(reader, compare));
  const ops = succeeded ? request.success : request.failure;
  const nested: Branch[] = [];
  for (const op of ops) if (op.kind === "txn") nested.push(chooseBranch(reader, op.request));
  return { succeeded, ops, nested };
}

/** Why the chosen branches cannot be carried out, if so: the first reason in the order of the walk. */
export function checkBranch(view: View, branch: Branch): StoreError | undefined {
  let nested = 0;
  for (const op of branch.ops) {
    const error =
      op.kind === "txn"
        ? checkBranch(view, branch.nested[nested++] as Branch)
        : checkOperation(view, op);
    if (error !== undefined) return error;
  }
  return undefined;
}

function checkOperation(view: View, op: Operation): StoreError | undefined {
  if (op.kind !== "range") return op.kind === "put" ? checkPut(view.reader, op.request) : undefined;
  const { revision } = op.request;
  // Below zero is the latest to a range alone; a transaction takes it at its word (etcd checkRange).
  if (revision < Math.min(view.compactRevision, 0)) return "compacted";
  return checkRevision(view, revision);
}

/** Carries out what {@link checkBranch} has passed. */
export function runBranch(context: TxnContext, branch: Branch): TxnResult {
  const responses: TxnResult["responses"][number][] = [];
  let nested = 0;
  for (const op of branch.ops) {
    if (op.kind === "txn") responses.push(runBranch(context, branch.nested[nested++] as Branch));
    else responses.push(runOperation(context, op));
  }
  const { succeeded } = branch;
  return { kind: "txn", revision: context.view().revision, succeeded, responses };
}

function runOperation(context: TxnContext, op: Operation): TxnResult["responses"][number] {
  if (op.kind === "range") {
    const result = readRange(context.view(), op.request);
    assert(result.kind === "range", "txn: a range that was checked is not refused");
    return result;
  }
  const { mutation } = context;
  assert(mutation !== undefined, "txn: a read transaction has only ranges");
  return op.kind === "put" ? runPut(mutation, op.request) : runDeleteRange(mutation, op.request);
}

/** Why a put cannot be carried out, if so; in etcd's order. */
export function checkPut(reader: BackendReader, request: PutRequest): StoreError | undefined {
  // The API refuses it. But a log may hold anything, and what stops one member stops them all.
  if (request.key.length === 0) return "emptyKey";
  if (request.lease !== 0n && !leaseExists(reader, request.lease)) return "leaseNotFound";
  if (!request.ignoreValue && !request.ignoreLease) return undefined;
  return readKey(reader, request.key) === undefined ? "keyNotFound" : undefined;
}

/** Carries out a put that {@link checkPut} has passed. */
export function runPut(mutation: Mutation, request: PutRequest): PutResult {
  const live = mutation.read(request.key);
  const needsValue = live !== undefined && (request.prevKv || request.ignoreValue);
  const previous = needsValue ? readValue(mutation.writer, live) : undefined;
  // It may be gone all the same when the same transaction has deleted it; then the request's own
  // (empty) value counts, on every member alike.
  const value = request.ignoreValue ? (previous?.value ?? request.value) : request.value;
  const lease = request.ignoreLease ? (live?.lease ?? request.lease) : request.lease;
  mutation.put(request.key, value, lease, live);
  const { revision } = mutation;
  return { kind: "put", revision, previous: request.prevKv ? previous : undefined };
}

/** Deletes a range; without a live key in it the revision stays. */
export function runDeleteRange(mutation: Mutation, request: DeleteRangeRequest): DeleteRangeResult {
  const { writer } = mutation;
  const keys = readKeys(writer, boundsOf(request));
  const previous = request.prevKv ? keys.map((live) => readValue(writer, live)) : [];
  for (const live of keys) mutation.delete(live);
  return { kind: "deleteRange", revision: mutation.revision, deleted: keys.length, previous };
}

/** True when the compare holds for every key of its range; for a missing key see {@link missing}. */
function compareHolds(reader: BackendReader, compare: Compare): boolean {
  const keys = readKeys(reader, boundsOf(compare));
  if (keys.length > 0) return keys.every((live) => keyHolds(reader, compare, live));
  // No way to write "missing" in a value compare: it fails whatever the operator.
  return compare.target.kind !== "value" && keyHolds(reader, compare, missing);
}

/** A key that is not there counts as version 0, revisions 0, lease 0. */
const missing: LiveKey = {
  key: new Uint8Array(0),
  createRevision: 0,
  modRevision: 0,
  sub: 0,
  version: 0,
  lease: 0n,
};

function keyHolds(reader: BackendReader, compare: Compare, live: LiveKey): boolean {
  const order = compareKey(reader, compare.target, live);
  switch (compare.result) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    case "any":
      return true;
    default:
      return assertNever(compare.result);
  }
}

function compareKey(reader: BackendReader, target: Compare["target"], live: LiveKey): number {
  switch (target.kind) {
    case "version":
      return live.version - target.version;
    case "create":
      return live.createRevision - target.revision;
    case "mod":
      return live.modRevision - target.revision;
    case "value":
      return compareBytes(readValue(reader, live).value, target.value);
    case "lease":
      return live.lease < target.lease ? -1 : live.lease > target.lease ? 1 : 0;
    case "none":
      return 0;
    default:
      return assertNever(target);
  }
}
