import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { CallFailure } from "../../src/etcd/grpc/outcome.ts";
import { decideRetry, decideStreamRetry, type RetryDecision } from "../../src/etcd/retry.ts";

const status = (code: number, text: string): CallFailure => ({
  kind: "status",
  status: code,
  text,
});
const lost: CallFailure = { kind: "lost", reason: "reset" };
const notSent: CallFailure = { kind: "notSent", reason: "refused" };
const invalid: CallFailure = { kind: "invalid", reason: "no message" };

function shown(decision: RetryDecision): string {
  return decision.kind === "fail" ? decision.error.code : decision.kind;
}

describe("decideRetry()", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, CallFailure, string, string])[] = [
    // what happened                     failure                                                           a write           a read
    ["was never sent",                   notSent,                                                          "elsewhere",      "elsewhere"],
    ["broke after it was sent",          lost,                                                             "outcomeUnknown", "elsewhere"],
    ["had no answer",                    { kind: "timeout" },                                              "outcomeUnknown", "elsewhere"],
    ["had an answer without sense",      invalid,                                                          "outcomeUnknown", "badResponse"],
    ["timed out at the member",          status(14, "etcdserver: request timed out"),                      "outcomeUnknown", "elsewhere"],
    ["lost its leader",                  status(14, "etcdserver: leader changed"),                         "outcomeUnknown", "elsewhere"],
    ["met a member that stops",          status(14, "etcdserver: server stopped"),                         "outcomeUnknown", "elsewhere"],
    ["was cancelled over there",         status(1, "context canceled"),                                    "outcomeUnknown", "elsewhere"],
    ["ran past its deadline",            status(4, "context deadline exceeded"),                           "outcomeUnknown", "elsewhere"],
    ["failed for an unknown reason",     status(2, "raft proposal dropped"),                               "outcomeUnknown", "serverError"],
    ["met a member without a leader",    status(14, "etcdserver: no leader"),                              "elsewhere",      "elsewhere"],
    ["met one that is overloaded",       status(8, "etcdserver: too many requests"),                       "elsewhere",      "elsewhere"],
    ["met one that words it as UNKNOWN", status(2, "etcdserver: too many requests"),                       "elsewhere",      "elsewhere"],
    ["met a connection that is full",    status(8, "grpc: too many requests held"),                        "elsewhere",      "elsewhere"],
    ["met a learner",                    status(9, "etcdserver: rpc not supported for learner"),           "elsewhere",      "elsewhere"],
    ["was refused",                      status(5, "etcdserver: requested lease not found"),               "leaseNotFound",  "leaseNotFound"],
    ["found no space",                   status(8, "etcdserver: mvcc: database space exceeded"),           "noSpace",        "noSpace"],
    ["was refused in other words",       status(3, "something else"),                                      "serverError",    "serverError"],
    ["had a token that is not taken",    status(16, "etcdserver: invalid auth token"),                     "newToken",       "newToken"],
    ["had one of an older revision",     status(3, "etcdserver: revision of auth store is old"),           "newToken",       "newToken"],
    ["had none",                         status(3, "etcdserver: user name is empty"),                      "newToken",       "newToken"],
  ];
  for (const [name, failure, write, read] of cases) {
    it(`a call that ${name}: write ${write}, read ${read}`, () => {
      const of = (isRepeatable: boolean) =>
        shown(decideRetry(failure, { isRepeatable, hasCredentials: true }));
      equal(of(false), write);
      equal(of(true), read);
    });
  }

  it("asks for no token without a user", () => {
    const failure = status(16, "etcdserver: invalid auth token");
    const decision = decideRetry(failure, { isRepeatable: false, hasCredentials: false });
    equal(shown(decision), "invalidAuthToken");
  });
});

describe("decideStreamRetry()", () => {
  it("goes on after whatever passes, and ends with a refusal", () => {
    equal(decideStreamRetry(lost, false), undefined);
    equal(decideStreamRetry(status(14, "etcdserver: no leader"), false), undefined);
    equal(decideStreamRetry(status(1, "etcdserver: watch canceled"), false), undefined);
    equal(
      decideStreamRetry(status(7, "etcdserver: permission denied"), false)?.code,
      "permissionDenied",
    );
  });
});
