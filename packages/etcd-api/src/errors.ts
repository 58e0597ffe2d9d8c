/**
 * Every error that a client can see: key -> [gRPC code, exact text].
 *
 * Source: etcd api/v3rpc/rpctypes/error.go. Clients map errors by their TEXT, so the texts are part
 * of the protocol, with their inconsistencies.
 */
import { InvariantError, WireError, WireTextError } from "@flotilla/base";
import { GrpcError, type StatusCode, statusCode } from "@flotilla/grpc";
import type { TimeoutCause, Unavailable } from "@flotilla/member";
import {
  CodecError,
  type CodecErrorCode,
  type CursorRefusal,
  type StoreError,
} from "@flotilla/store";

const {
  cancelled,
  deadlineExceeded,
  dataLoss,
  failedPrecondition,
  invalidArgument,
  notFound,
  outOfRange,
  permissionDenied,
  resourceExhausted,
  unauthenticated,
  unavailable,
  unknown,
} = statusCode;

/** Name of a row of {@link rpcErrors}. */
export type RpcErrorKey =
  | "emptyKey"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "invalidSort"
  | "invalidClientApiVersion"
  | "requestTooLarge"
  | "compacted"
  | "futureRevision"
  | "noSpace"
  | "leaseNotFound"
  | "leaseExists"
  | "leaseTtlTooLarge"
  | "watchCanceled"
  | "rootUserNotExist"
  | "rootRoleNotExist"
  | "userAlreadyExists"
  | "userEmpty"
  | "userNotFound"
  | "roleAlreadyExists"
  | "roleNotFound"
  | "roleEmpty"
  | "authFailed"
  | "permissionNotGiven"
  | "permissionDenied"
  | "roleNotGranted"
  | "permissionNotGranted"
  | "authNotEnabled"
  | "invalidAuthToken"
  | "invalidAuthManagement"
  | "authOldRevision"
  | "noLeader"
  | "leaderChanged"
  | "notCapable"
  | "timeout"
  | "timeoutLeaderFailed"
  | "timeoutConnectionLost"
  | "timeoutNotApplied"
  | "timeoutNotProposed"
  | "tooManyRequests"
  | "stopped"
  | "corrupt"
  | "memberExists"
  | "peerUrlExists"
  | "notEnoughStarted"
  | "badMemberUrls"
  | "memberNotFound"
  | "memberNotLearner"
  | "learnerNotReady"
  | "tooManyLearners"
  | "clusterIdMismatch"
  | "notLeader"
  | "unhealthy"
  | "badTransferee"
  | "transferTimeout"
  | "notForLearner"
  | "downgradeVersionFormat"
  | "downgradeTargetInvalid"
  | "clusterVersionUnavailable"
  | "downgradeInProgress"
  | "noDowngrade";

/** The errors that this server gives. */
// biome-ignore format: a table
export const rpcErrors: Readonly<Record<RpcErrorKey, readonly [StatusCode, string]>> = {
  emptyKey:                   [invalidArgument,    "etcdserver: key is not provided"],
  keyNotFound:                [invalidArgument,    "etcdserver: key not found"],
  valueProvided:              [invalidArgument,    "etcdserver: value is provided"],
  leaseProvided:              [invalidArgument,    "etcdserver: lease is provided"],
  tooManyOps:                 [invalidArgument,    "etcdserver: too many operations in txn request"],
  duplicateKey:               [invalidArgument,    "etcdserver: duplicate key given in txn request"],
  invalidSort:                [invalidArgument,    "etcdserver: invalid sort option"],
  invalidClientApiVersion:    [invalidArgument,    "etcdserver: invalid client api version"],
  requestTooLarge:            [invalidArgument,    "etcdserver: request is too large"],
  compacted:                  [outOfRange,         "etcdserver: mvcc: required revision has been compacted"],
  futureRevision:             [outOfRange,         "etcdserver: mvcc: required revision is a future revision"],
  noSpace:                    [resourceExhausted,  "etcdserver: mvcc: database space exceeded"],
  leaseNotFound:              [notFound,           "etcdserver: requested lease not found"],
  leaseExists:                [failedPrecondition, "etcdserver: lease already exists"],
  leaseTtlTooLarge:           [outOfRange,         "etcdserver: too large lease TTL"],
  watchCanceled:              [cancelled,          "etcdserver: watch canceled"],
  rootUserNotExist:           [failedPrecondition, "etcdserver: root user does not exist"],
  rootRoleNotExist:           [failedPrecondition, "etcdserver: root user does not have root role"],
  userAlreadyExists:          [failedPrecondition, "etcdserver: user name already exists"],
  userEmpty:                  [invalidArgument,    "etcdserver: user name is empty"],
  userNotFound:               [failedPrecondition, "etcdserver: user name not found"],
  roleAlreadyExists:          [failedPrecondition, "etcdserver: role name already exists"],
  roleNotFound:               [failedPrecondition, "etcdserver: role name not found"],
  roleEmpty:                  [invalidArgument,    "etcdserver: role name is empty"],
  authFailed:                 [invalidArgument,    "etcdserver: authentication failed, invalid user ID or password"],
  permissionNotGiven:         [invalidArgument,    "etcdserver: permission not given"],
  permissionDenied:           [permissionDenied,   "etcdserver: permission denied"],
  roleNotGranted:             [failedPrecondition, "etcdserver: role is not granted to the user"],
  permissionNotGranted:       [failedPrecondition, "etcdserver: permission is not granted to the role"],
  authNotEnabled:             [failedPrecondition, "etcdserver: authentication is not enabled"],
  invalidAuthToken:           [unauthenticated,    "etcdserver: invalid auth token"],
  invalidAuthManagement:      [invalidArgument,    "etcdserver: invalid auth management"],
  authOldRevision:            [invalidArgument,    "etcdserver: revision of auth store is old"],
  noLeader:                   [unavailable,        "etcdserver: no leader"],
  leaderChanged:              [unavailable,        "etcdserver: leader changed"],
  notCapable:                 [failedPrecondition, "etcdserver: not capable"],
  timeout:                    [unavailable,        "etcdserver: request timed out"],
  timeoutLeaderFailed:        [unavailable,        "etcdserver: request timed out, possibly due to previous leader failure"],
  timeoutConnectionLost:      [unavailable,        "etcdserver: request timed out, possibly due to connection lost"],
  timeoutNotApplied:          [unavailable,        "etcdserver: request timed out, waiting for the applied index took too long"],
  timeoutNotProposed:         [deadlineExceeded,   "context deadline exceeded"],
  tooManyRequests:            [resourceExhausted,  "etcdserver: too many requests"],
  stopped:                    [unavailable,        "etcdserver: server stopped"],
  corrupt:                    [dataLoss,           "etcdserver: corrupt cluster"],
  memberExists:               [failedPrecondition, "etcdserver: member ID already exist"],
  peerUrlExists:              [failedPrecondition, "etcdserver: Peer URLs already exists"],
  notEnoughStarted:           [failedPrecondition, "etcdserver: re-configuration failed due to not enough started members"],
  badMemberUrls:              [invalidArgument,    "etcdserver: given member URLs are invalid"],
  memberNotFound:             [notFound,           "etcdserver: member not found"],
  memberNotLearner:           [failedPrecondition, "etcdserver: can only promote a learner member"],
  learnerNotReady:            [failedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader"],
  tooManyLearners:            [failedPrecondition, "etcdserver: too many learner members in cluster"],
  clusterIdMismatch:          [failedPrecondition, "etcdserver: cluster ID mismatch"],
  notLeader:                  [failedPrecondition, "etcdserver: not leader"],
  unhealthy:                  [unavailable,        "etcdserver: unhealthy cluster"],
  badTransferee:              [failedPrecondition, "etcdserver: bad leader transferee"],
  transferTimeout:            [unknown,            "etcdserver: request timed out, leader transfer took too long"],
  // Clients of etcd 3.6 and newer know the row, code and text, and turn to another member.
  notForLearner:              [failedPrecondition, "etcdserver: rpc not supported for learner"],
  downgradeVersionFormat:     [invalidArgument,    "etcdserver: wrong downgrade target version format"],
  downgradeTargetInvalid:     [invalidArgument,    "etcdserver: invalid downgrade target version"],
  clusterVersionUnavailable:  [failedPrecondition, "etcdserver: cluster version not found during downgrade"],
  downgradeInProgress:        [failedPrecondition, "etcdserver: cluster has a downgrade job in progress"],
  noDowngrade:                [failedPrecondition, "etcdserver: no inflight downgrade job"],
};

/** Ends a call with a row of the table. */
export class RpcError extends GrpcError {
  override readonly name = "RpcError";
  readonly key: RpcErrorKey;

  constructor(key: RpcErrorKey) {
    const [code, text] = rpcErrors[key];
    super(code, text);
    this.key = key;
  }
}

/** Everything but success that a request to the member can end in. */
export type Refusal =
  | Unavailable
  | { readonly kind: "refused"; readonly error: StoreError | CursorRefusal };

/**
 * The error of a refusal; total, so that a new kind of refusal does not compile without a row.
 *
 * `withoutLeader`: what a request is told that has waited for a leader in vain. In etcd reads have timed
 * out then, and proposals were never taken in, of which it says no more than that their time is over.
 */
export function rpcErrorOf(refusal: Refusal, withoutLeader: RpcErrorKey = "noLeader"): RpcError {
  if (refusal.kind === "noLeader") return new RpcError(withoutLeader);
  if (refusal.kind === "refused") return new RpcError(storeKeys[refusal.error]);
  if (refusal.kind === "timeout" && refusal.cause !== undefined) {
    return new RpcError(timeoutKeys[refusal.cause]);
  }
  return new RpcError(unavailableKeys[refusal.kind]);
}

const timeoutKeys: Readonly<Record<TimeoutCause, RpcErrorKey>> = {
  leaderFailed: "timeoutLeaderFailed",
  connectionLost: "timeoutConnectionLost",
};

const unavailableKeys: Readonly<Record<Unavailable["kind"], RpcErrorKey>> = {
  noLeader: "noLeader",
  timeout: "timeout",
  tooManyRequests: "tooManyRequests",
  stopped: "stopped",
  noData: "notForLearner", // A witness is to clients what a learner is: one that does not serve them.
};

const storeKeys: Readonly<Record<StoreError | CursorRefusal, RpcErrorKey>> = {
  compacted: "compacted",
  futureRevision: "futureRevision",
  leaseNotFound: "leaseNotFound",
  leaseExists: "leaseExists",
  keyNotFound: "keyNotFound",
  emptyKey: "emptyKey",
  fenced: "leaderChanged",
  sessionExpired: "timeout",
  tooManyCursors: "tooManyRequests",
  cursorExpired: "timeout",
  noSpace: "noSpace",
  corrupt: "corrupt",
  rootUserNotExist: "rootUserNotExist",
  rootRoleNotExist: "rootRoleNotExist",
  userAlreadyExists: "userAlreadyExists",
  userEmpty: "userEmpty",
  userNotFound: "userNotFound",
  roleAlreadyExists: "roleAlreadyExists",
  roleNotFound: "roleNotFound",
  roleEmpty: "roleEmpty",
  authFailed: "authFailed",
  permissionNotGiven: "permissionNotGiven",
  permissionDenied: "permissionDenied",
  roleNotGranted: "roleNotGranted",
  permissionNotGranted: "permissionNotGranted",
  authNotEnabled: "authNotEnabled",
  invalidAuthManagement: "invalidAuthManagement",
  authOldRevision: "authOldRevision",
};

const codecKeys: Readonly<Record<CodecErrorCode, RpcErrorKey>> = {
  invalidSortOption: "invalidSort",
  emptyRequestOp: "keyNotFound", // As etcd answers an operation without a request.
  tooManyOperations: "tooManyOps",
};

/** How a message came: as the only one of a call, or as one of a stream of them. */
export type RequestForm = "unary" | "stream";

/** As grpc-go says it, and Go's protobuf, which knows no details. */
const malformedTexts: Readonly<Record<RequestForm, string>> = {
  unary: "grpc: error unmarshalling request",
  stream: "grpc: failed to unmarshal the received message",
};
const wireFault = "cannot parse invalid wire-format data";
const textFault = "string field contains invalid UTF-8";

/** The one place that meets what decoding throws; anything else passes through untouched. */
export function decodingErrorOf(error: unknown, form: RequestForm): unknown {
  if (error instanceof CodecError) return new RpcError(codecKeys[error.code]);
  if (!(error instanceof WireError)) return error;
  return error instanceof WireTextError
    ? new GrpcError(statusCode.internal, `${malformedTexts[form]}: ${textFault}`)
    : undecodable(form, wireFault);
}

/** A message that protobuf refuses; `fault` as Go's says it. */
export function undecodable(form: RequestForm, fault: string): GrpcError {
  return new GrpcError(statusCode.internal, `${malformedTexts[form]}: proto: ${fault}`);
}

/** A result of another kind than its command gives: a bug of the store. */
export function wrongResult(expected: string, got: string): InvariantError {
  return new InvariantError(`expected a result of ${expected}, got ${got}`);
}
