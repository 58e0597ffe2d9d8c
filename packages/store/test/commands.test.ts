import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { InvariantError, textOf } from "@flotilla/base";
import {
  type Compare,
  createStore,
  getRequest,
  putRequest,
  rangeRequest,
  type TxnRequest,
} from "../src/index.ts";
import { arrayBackend, Bench, b, everything, op, show } from "./fixtures.ts";

function all(bench: Bench): string {
  return show(bench.store.range(rangeRequest(everything)));
}

describe("put", () => {
  it("starts at revision 2 and counts revisions and versions up", () => {
    const bench = new Bench();
    equal(bench.store.revision, 1);
    equal(bench.put("a", "1"), "put @2");
    equal(bench.put("a", "2", { prevKv: true }), "put @3 was a=1 c2 m2 v1");
    equal(bench.put("b", "", { prevKv: true }), "put @4");
    equal(all(bench), "[a=2 c2 m3 v2, b= c4 m4 v1] count=2");
  });

  it("begins again at version 1 after a delete", () => {
    const bench = new Bench();
    bench.put("a", "1");
    bench.put("a", "2");
    bench.delete("a");
    bench.put("a", "3");
    equal(all(bench), "[a=3 c5 m5 v1] count=1");
  });

  it("keeps the value or the lease when told so, and needs a key for it", () => {
    const bench = new Bench();
    bench.grant(7n);
    equal(bench.put("a", "", { ignoreValue: true }), "keyNotFound");
    equal(bench.put("a", "x", { ignoreLease: true }), "keyNotFound");
    bench.put("a", "1", { lease: 7n });
    bench.put("a", "", { ignoreValue: true });
    equal(all(bench), "[a=1 c2 m3 v2] count=1");
    bench.put("a", "2", { lease: 7n });
    bench.put("a", "3", { ignoreLease: true });
    equal(all(bench), "[a=3 c2 m5 v4 l7] count=1");
  });

  it("names the missing lease before the missing key", () => {
    equal(new Bench().put("a", "", { lease: 7n, ignoreValue: true }), "leaseNotFound");
  });

  it("refuses a put without a key, alone and in a transaction: it would stop every member", () => {
    const bench = new Bench();
    equal(bench.put("", "x"), "emptyKey");
    equal(bench.txn({ success: [op.put("a", "1"), op.put("", "x")] }), "emptyKey");
    equal(all(bench), "[] count=0");
  });
});

describe("deleteRange", () => {
  it("deletes in one revision, sorted, and gives back what was there", () => {
    const bench = new Bench();
    for (const key of ["c", "a", "b"]) bench.put(key, key);
    equal(bench.delete("a", "c", true), "deleted 2 @5 was [a=a c3 m3 v1, b=b c4 m4 v1]");
    equal(all(bench), "[c=c c2 m2 v1] count=1");
  });

  it("does not touch the revision when there is nothing to delete", () => {
    const bench = new Bench();
    bench.put("a");
    equal(bench.delete("b"), "deleted 0 @2");
    equal(bench.delete("b", "a"), "deleted 0 @2");
    equal(bench.store.revision, 2);
  });
});

describe("txn: compares", () => {
  const target = {
    version: (version: number): Compare["target"] => ({ kind: "version", version }),
    create: (revision: number): Compare["target"] => ({ kind: "create", revision }),
    mod: (revision: number): Compare["target"] => ({ kind: "mod", revision }),
    value: (value: string): Compare["target"] => ({ kind: "value", value: b(value) }),
    lease: (lease: bigint): Compare["target"] => ({ kind: "lease", lease }),
  };
  // a: created 2, modified 3, version 2, value "m", lease 7. b: created and modified 4, value "n".
  // biome-ignore format: a table
  const cases = [
    // key   end   result       target                holds
    ["a",   "",   "equal",     target.version(2),    true],
    ["a",   "",   "notEqual",  target.version(2),    false],
    ["a",   "",   "greater",   target.create(1),     true],
    ["a",   "",   "greater",   target.create(2),     false],
    ["a",   "",   "less",      target.mod(4),        true],
    ["a",   "",   "less",      target.mod(3),        false],
    ["a",   "",   "equal",     target.value("m"),    true],
    ["a",   "",   "less",      target.value("n"),    true],
    ["a",   "",   "greater",   target.value(""),     true],
    ["a",   "",   "equal",     target.lease(7n),     true],
    ["a",   "",   "greater",   target.lease(-7n),    true],
    // A missing key counts as zero, but no value compare holds for it.
    ["x",   "",   "equal",     target.version(0),    true],
    ["x",   "",   "equal",     target.create(0),     true],
    ["x",   "",   "equal",     target.lease(0n),     true],
    ["x",   "",   "less",      target.mod(1),        true],
    ["x",   "",   "equal",     target.value(""),     false],
    ["x",   "",   "notEqual",  target.value("m"),    false],
    // A range: for every key of it; an empty one is a missing key.
    ["a",   "c",  "greater",   target.create(1),     true],
    ["a",   "c",  "greater",   target.create(2),     false],
    ["a",   "\0", "less",      target.value("o"),    true],
    ["x",   "z",  "equal",     target.version(0),    true],
    ["x",   "z",  "notEqual",  target.value(""),     false],
    ["c",   "a",  "equal",     target.version(0),    true],
  ] as const;
  for (const [key, end, result, goal, holds] of cases) {
    const what = Object.values(goal).map((part) =>
      part instanceof Uint8Array ? textOf(part) : part,
    );
    it(`${holds ? "holds" : "fails"}: [${key}, ${JSON.stringify(end)}) ${result} ${what.join(" ")}`, () => {
      const bench = new Bench();
      bench.grant(7n);
      bench.put("a", "l");
      bench.put("a", "m", { lease: 7n });
      bench.put("b", "n");
      const compare = [{ key: b(key), rangeEnd: b(end), result, target: goal }];
      equal(bench.txn({ compare }), `${holds ? "then" : "else"}() @4`);
    });
  }

  it("are all needed, and none is needed", () => {
    const bench = new Bench();
    const yes: Compare = { ...everything, result: "equal", target: target.version(0) };
    const no: Compare = { ...everything, result: "equal", target: target.version(1) };
    equal(bench.txn({ compare: [yes, no] }), "else() @1");
    equal(bench.txn({ compare: [] }), "then() @1");
  });
});

describe("txn: operations", () => {
  it("make one revision, and see each other in order", () => {
    const bench = new Bench();
    const read = (): TxnRequest["success"][number] => ({
      kind: "range",
      request: rangeRequest(everything),
    });
    equal(
      bench.txn({
        success: [read(), op.put("a", "1"), op.put("b", "2"), read(), op.delete("a"), read()],
      }),
      "then([] count=0; put @2; put @2; [a=1 c2 m2 v1, b=2 c2 m2 v1] count=2; deleted 1 @2; [b=2 c2 m2 v1] count=1) @2",
    );
    equal(bench.store.revision, 2);
  });

  it("leave the revision alone when nothing changes", () => {
    const bench = new Bench();
    equal(bench.txn({ success: [op.delete("a")] }), "then(deleted 0 @1) @1");
  });

  it("say the new revision only from the first change on", () => {
    const bench = new Bench();
    bench.put("a");
    equal(
      bench.txn({ success: [op.delete("x"), op.put("b"), op.delete("x")] }),
      "then(deleted 0 @2; put @3; deleted 0 @3) @3",
    );
  });

  it("choose nested branches before anything is written", () => {
    const bench = new Bench();
    const missing: Compare = {
      key: b("a"),
      rangeEnd: b(""),
      result: "equal",
      target: { kind: "version", version: 0 },
    };
    const nested = op.txn({ compare: [missing], success: [op.put("b", "was missing")] });
    equal(bench.txn({ success: [op.put("a"), nested] }), "then(put @2; then(put @2) @2) @2");
  });

  it("read an older revision next to their own writes", () => {
    const bench = new Bench();
    bench.put("a", "1");
    const old = { kind: "range", request: getRequest(b("a"), { revision: 2 }) } as const;
    equal(
      bench.txn({ success: [op.put("a", "2"), old] }),
      "then(put @3; [a=1 c2 m2 v1] count=1) @3",
    );
  });

  // biome-ignore format: a table
  const refusals = [
    ["a lease that is not there",           op.put("z", "", { lease: 9n }),           "leaseNotFound"],
    ["a value to keep that is not there",   op.put("z", "", { ignoreValue: true }),   "keyNotFound"],
    ["a value to keep, with no lease",      op.put("z", "", { lease: 9n, ignoreValue: true }), "leaseNotFound"],
    ["a read of a negative revision",       { kind: "range", request: getRequest(b("a"), { revision: -1 }) }, "compacted"],
    ["a read of the future",                { kind: "range", request: getRequest(b("a"), { revision: 99 }) }, "futureRevision"],
    ["a read of what is compacted",         { kind: "range", request: getRequest(b("a"), { revision: 1 }) },  "compacted"],
  ] as const;
  for (const [name, bad, error] of refusals) {
    it(`changes nothing at all for ${name}, first or last or nested`, () => {
      const bench = new Bench();
      bench.put("a", "1");
      bench.compact(2);
      const before = JSON.stringify([...bench.backend.tables].filter(([name]) => name !== "state"));
      equal(bench.txn({ success: [op.put("b"), bad] }), error);
      equal(
        bench.txn({ success: [op.put("b"), op.txn({ success: [op.delete("a"), bad] })] }),
        error,
      );
      equal(bench.txn({ success: [op.txn({ success: [bad] }), op.put("b")] }), error);
      equal(bench.store.revision, 2);
      const after = JSON.stringify([...bench.backend.tables].filter(([name]) => name !== "state"));
      equal(withoutSessions(after), withoutSessions(before));
      equal(
        bench.txn({ failure: [bad] }),
        "then() @2",
        "the branch that is not taken is not checked",
      );
    });
  }

  it("can be read only, without the log", () => {
    const bench = new Bench();
    bench.put("a", "1");
    const range = { kind: "range", request: getRequest(b("a")) } as const;
    const request = { compare: [], success: [range, op.txn({ success: [range] })], failure: [] };
    equal(
      show(bench.store.readTxn(request)),
      "then([a=1 c2 m2 v1] count=1; then([a=1 c2 m2 v1] count=1) @2) @2",
    );
    const write = { compare: [], success: [], failure: [op.put("a")] };
    throws(() => bench.store.readTxn(write), InvariantError);
  });
});

/** Sequences are recorded also for a command that is refused. */
function withoutSessions(tables: string): string {
  const parsed = JSON.parse(tables) as [string, unknown][];
  return JSON.stringify(parsed.filter(([name]) => name !== "sessions"));
}

describe("leases", () => {
  it("are granted once, and change no revision", () => {
    const bench = new Bench();
    equal(bench.grant(7n, 30), "leaseGrant @1");
    equal(bench.grant(7n), "leaseExists");
    equal(bench.grant(-7n), "leaseGrant @1");
    deepEqual(bench.store.leases(), [7n, -7n]);
    deepEqual(bench.store.lease(7n), { id: 7n, grantedTtlSeconds: 30, keys: [] });
    equal(bench.store.lease(8n), undefined);
  });

  it("take their keys with them, sorted, in one revision", () => {
    const bench = new Bench();
    bench.grant(7n);
    for (const key of ["c", "a", "b"]) bench.put(key, "", { lease: 7n });
    const watcher = bench.store.watch({ ...everything, startRevision: 0, ...watchAll }, () => {});
    equal(bench.revoke(7n), "leaseRevoke @5");
    const batch = watcher.take(1000);
    const events = batch?.kind === "events" ? batch.events : [];
    deepEqual(
      events.map(({ kv }) => `${textOf(kv.key)} @${kv.modRevision}`),
      ["a @5", "b @5", "c @5"],
    );
    equal(bench.store.lease(7n), undefined);
    equal(bench.rows("lease-keys"), 0);
    equal(bench.revoke(7n), "leaseNotFound");
  });

  it("leave the revision alone when they have no keys", () => {
    const bench = new Bench();
    bench.grant(7n);
    equal(bench.revoke(7n), "leaseRevoke @1");
  });

  it("lose a key that is put without them, with another one, or deleted", () => {
    const bench = new Bench();
    bench.grant(7n);
    bench.grant(8n);
    for (const key of ["a", "b", "c", "d"]) bench.put(key, "", { lease: 7n });
    bench.put("a");
    bench.put("b", "", { lease: 8n });
    bench.delete("c");
    deepEqual(bench.store.lease(7n)?.keys.map(textOf), ["d"]);
    deepEqual(bench.store.lease(8n)?.keys.map(textOf), ["b"]);
    bench.revoke(7n);
    equal(all(bench), "[a= c2 m6 v2, b= c3 m7 v2 l8] count=2");
  });

  it("keep their keys apart when one id begins like another", () => {
    const bench = new Bench();
    for (const id of [1n, 2n, 256n, -1n]) {
      bench.grant(id);
      bench.put(`k${id}`, "", { lease: id });
    }
    const keys = (id: bigint) => bench.store.lease(id)?.keys.map(textOf).join();
    deepEqual([1n, 2n, 256n, -1n].map(keys), ["k1", "k2", "k256", "k-1"]);
  });
});

describe("member attributes", () => {
  it("are kept per member, sorted by id, and replaced", () => {
    const bench = new Bench();
    const of = (memberId: bigint, name: string) =>
      ({ memberId, name, clientUrls: [`http://${name}`, ""], apiUrl: "" }) as const;
    const last = of(0xffff_ffff_ffff_fff0n, "last");
    for (const attributes of [last, of(5n, "old"), of(5n, "new")]) {
      bench.run({ kind: "memberAttributes", attributes });
    }
    deepEqual(bench.store.memberAttributes(), [of(5n, "new"), last]);
    equal(bench.store.revision, 1);
  });
});

describe("apply()", () => {
  const put = (key: string) => ({ kind: "put", request: putRequest(b(key), b("")) }) as const;

  it("remembers index and term, also of entries without a command", () => {
    const bench = new Bench();
    bench.store.apply([
      { index: 3, term: 2, proposal: undefined },
      { index: 4, term: 5, proposal: undefined },
    ]);
    bench.reopen();
    equal(`${bench.store.appliedIndex} ${bench.store.appliedTerm}`, "4 5");
  });

  it("applies a proposal once, whenever it comes again, also after a restart", () => {
    const bench = new Bench();
    const proposal = {
      session: 9n,
      openedAt: 0,
      sequence: 1,
      settledBelow: 1,
      onlyInTerm: 0,
      command: put("a"),
    };
    const apply = (index: number) => bench.store.apply([{ index, term: 1, proposal }])[0]?.kind;
    equal(apply(1), "put");
    equal(apply(2), undefined);
    bench.reopen();
    equal(apply(3), undefined);
    equal(bench.store.revision, 2);
  });

  it("refuses a proposal whose term is over, and does not take it later either", () => {
    const bench = new Bench();
    const proposal = {
      session: 9n,
      openedAt: 0,
      sequence: 1,
      settledBelow: 1,
      onlyInTerm: 4,
      command: put("a"),
    };
    const apply = (index: number, term: number) =>
      bench.store.apply([{ index, term, proposal }])[0];
    deepEqual(apply(1, 5), { kind: "refused", error: "fenced" });
    equal(apply(2, 4), undefined);
    equal(bench.store.revision, 1);
    const again = { ...proposal, sequence: 2 };
    equal(bench.store.apply([{ index: 3, term: 4, proposal: again }])[0]?.kind, "put");
  });

  it("refuses what comes from a forgotten session, and changes nothing", () => {
    const bench = new Bench({ sessionsMax: 1 });
    const apply = (index: number, session: bigint, openedAt: number) => {
      const proposal = {
        session,
        openedAt,
        sequence: 1,
        settledBelow: 1,
        onlyInTerm: 0,
        command: put("a"),
      };
      return bench.store.apply([{ index, term: 1, proposal }])[0];
    };
    equal(apply(1, 8n, 0)?.kind, "put");
    equal(apply(2, 9n, 1)?.kind, "put");
    deepEqual(apply(3, 8n, 0), { kind: "refused", error: "sessionExpired" });
    bench.reopen();
    deepEqual(apply(4, 8n, 0), { kind: "refused", error: "sessionExpired" });
    equal(`${bench.store.revision} ${bench.store.appliedIndex}`, "3 4");
    equal(apply(5, 8n, 4)?.kind, "put", "the same member, in a session of now");
  });

  it("takes back everything when the backend fails in the middle", () => {
    const backend = arrayBackend();
    const store = createStore(backend);
    const proposal = (sequence: number, key: string) => ({
      session: 9n,
      openedAt: 0,
      sequence,
      settledBelow: 1,
      onlyInTerm: 0,
      command: put(key),
    });
    let woken = 0;
    const watcher = store.watch({ ...everything, startRevision: 0, ...watchAll }, () => woken++);
    const realPut = backend.put;
    backend.put = (table, key, value) => {
      if (table === "history" && textOf(value).includes("bad")) throw new Error("no room");
      realPut(table, key, value);
    };
    const entries = [
      { index: 1, term: 1, proposal: proposal(1, "good") },
      { index: 2, term: 1, proposal: proposal(2, "bad") },
    ];
    throws(() => store.apply(entries), /no room/);
    equal(`${store.revision} ${store.appliedIndex} ${woken}`, "1 0 0");
    equal(watcher.take(100), undefined);
    backend.put = realPut;
    deepEqual(
      store.apply(entries).map((result) => result?.kind),
      ["put", "put"],
    );
    equal(store.revision, 3);
  });

  it("does not go back in the log", () => {
    const bench = new Bench();
    bench.put("a");
    throws(() => bench.store.apply([{ index: 1, term: 1, proposal: undefined }]), InvariantError);
  });
});

const watchAll = { prevKv: false, noPut: false, noDelete: false };
