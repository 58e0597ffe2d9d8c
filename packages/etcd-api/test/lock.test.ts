import { deepEqual, equal } from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { emptyBytes, utf8 } from "@flotilla/base";
import { prefixRequest, putRequest } from "@flotilla/store";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import type { ClientReadableStream } from "@grpc/grpc-js";
import { encodedFields, type Fields } from "./auth-cases.ts";
import { type Running, type Shape, show, startSolo, stopAll, until } from "./fixtures.ts";

after(stopAll);

let running: Running;
/** Watches of the store that are open. */
let watches = 0;
beforeEach(async () => {
  running = await startSolo();
  watches = 0;
  const { store } = running.member;
  const watch = store.watch.bind(store);
  store.watch = (request, wake) => {
    const watcher = watch(request, wake);
    const close = watcher.close.bind(watcher);
    watches++;
    watcher.close = () => {
      watches--;
      close();
    };
    return watcher;
  };
  for (const lease of [1n, 2n, 3n]) await grant(lease);
});

const grant = (id: bigint): Promise<unknown> =>
  running.member.propose({ kind: "leaseGrant", id, ttlSeconds: 60 });
const revoke = (id: bigint): Promise<unknown> =>
  running.member.propose({ kind: "leaseRevoke", id });

const header = ["", "header"] as const;
const lockShape: Shape = { 1: header, 2: ["key", "text"] };
const campaignShape: Shape = {
  1: header,
  2: [
    "leader",
    { 1: ["name", "text"], 2: ["key", "text"], 3: ["rev", "number"], 4: ["lease", "number"] },
  ],
};
const leaderShape: Shape = { 1: header, 2: ["", "kv"] };

/** The answer as a line, or `code text`. */
async function call(path: string, fields: Fields, shape: Shape): Promise<string> {
  try {
    return show(await running.client.unary(path, encodedFields(fields)), shape);
  } catch (error) {
    return (error as Error).message;
  }
}
const lock = (name: string, lease: number): Promise<string> =>
  call(
    "/v3lockpb.Lock/Lock",
    [
      [1, name],
      [2, lease],
    ],
    lockShape,
  );
const unlock = (key: string): Promise<string> =>
  call("/v3lockpb.Lock/Unlock", [[1, key]], lockShape);
const campaign = (lease: number, value: string): Promise<string> =>
  call(
    "/v3electionpb.Election/Campaign",
    [
      [1, "e"],
      [2, lease],
      [3, value],
    ],
    campaignShape,
  );
const leader = (): Promise<string> =>
  call("/v3electionpb.Election/Leader", [[1, "e"]], leaderShape);
const onLeader = (method: string, lease: number, revision: number, value = ""): Promise<string> =>
  call(
    `/v3electionpb.Election/${method}`,
    [
      [
        1,
        [
          [1, "e"],
          [2, `e/${lease}`],
          [3, revision],
          [4, lease],
        ],
      ],
      [2, value],
    ],
    { 1: header },
  );

/** The keys under a prefix. */
function keys(prefix: string): string {
  const result = running.member.store.range(prefixRequest(utf8(prefix)));
  if (result.kind === "refused") throw new Error(result.error);
  return result.kvs.map(({ key }) => Buffer.from(key).toString()).join(" ");
}

/** A request that waits for its turn. */
async function waiting(request: () => Promise<string>): Promise<{ answer: Promise<string> }> {
  const before = watches;
  const answer = request();
  await until(
    () => watches === before + 1,
    () => "request that waits",
  );
  return { answer };
}

/** A call that its client leaves while it waits. */
async function abandoned(path: string, fields: Fields): Promise<void> {
  const before = watches;
  const stream = running.client.serverStream(path, encodedFields(fields));
  stream.on("error", () => {});
  await until(
    () => watches === before + 1,
    () => "request that waits",
  );
  stream.cancel();
  await until(
    () => watches === before,
    () => "end of the watch",
  );
}

describe("Lock", () => {
  it("goes to those who ask in their order", async () => {
    equal(await lock("m", 1), "rev=2 key=m/1");
    equal(await lock("m", 1), "rev=2 key=m/1", "who has it has it");
    const second = await waiting(() => lock("m", 2));
    const third = await waiting(() => lock("m", 3));
    equal(keys("m/"), "m/1 m/2 m/3");
    equal(await unlock("m/1"), "rev=5");
    equal(await second.answer, "rev=5 key=m/2");
    equal(await unlock("m/1"), "rev=5", "what is not there is no error");
    await revoke(2n);
    equal(await third.answer, "rev=6 key=m/3");
    equal(watches, 0);
  });

  it("is not given to a session that has ended while it waited", async () => {
    await lock("m", 1);
    const second = await waiting(() => lock("m", 2));
    await revoke(2n);
    equal(await unlock("m/1"), "rev=5");
    equal(await second.answer, "2 mutex: session is expired");
  });

  it("is not given for a key that was lost and made anew behind another's", async () => {
    await lock("m", 1);
    const early = await waiting(() => lock("m", 2));
    await unlock("m/2");
    const other = await waiting(() => lock("m", 3));
    const late = await waiting(() => lock("m", 2));
    await unlock("m/1");
    equal(await other.answer, "rev=7 key=m/3");
    equal(await early.answer, "2 mutex: session is expired");
    await unlock("m/3");
    equal(await late.answer, "rev=8 key=m/2");
  });

  it("takes the key away when the client goes, and leaves nothing behind", async () => {
    await lock("m", 1);
    await abandoned("/v3lockpb.Lock/Lock", [
      [1, "m"],
      [2, 2],
    ]);
    await until(
      () => keys("m/") === "m/1",
      () => `only m/1: ${keys("m/")}`,
    );
  });

  it("makes a session of a minute for who brings none", async () => {
    const key = /key=m\/([0-9a-f]+)$/.exec(await lock("m", 0))?.[1];
    const lease = running.member.store.lease(BigInt(`0x${key}`));
    equal(lease?.grantedTtlSeconds, 60);
    equal(lease?.keys.length, 1);
  });

  it("has etcd's texts for its errors, and no codes", async () => {
    equal(await lock("m", 99), "2 etcdserver: requested lease not found");
    equal(await unlock(""), "2 etcdserver: key is not provided");
    running.member.unavailable = { kind: "noLeader" };
    equal(await lock("m", 1), "4 context deadline exceeded");
    running.member.unavailable = { kind: "timeout" };
    equal(await lock("m", 1), "2 etcdserver: request timed out");
  });

  it("ends in an error when history is gone that it would have needed", async () => {
    await lock("m", 1);
    const { store } = running.member;
    const range = store.range.bind(store);
    // Between its look at the queue and its watch the holder goes, and history with it.
    let isFirst = true;
    store.range = (request) => {
      const result = range(request);
      if (request.maxCreateRevision > 0 && isFirst) {
        isFirst = false;
        void running.member.propose({ kind: "deleteRange", request: deletion("m/1") });
        void running.member.propose({ kind: "put", request: putRequest(utf8("x"), emptyBytes) });
        const revision = store.revision;
        void running.member.propose({ kind: "compact", revision, physical: false });
      }
      return result;
    };
    equal(await lock("m", 2), "2 etcdserver: mvcc: required revision has been compacted");
    equal(keys("m/"), "", "whoever does not get it does not wait any more");
  });
});

function deletion(key: string): { key: Uint8Array; rangeEnd: Uint8Array; prevKv: boolean } {
  return { key: utf8(key), rangeEnd: emptyBytes, prevKv: false };
}

describe("Election", () => {
  it("elects the first, and the next when he resigns", async () => {
    equal(await leader(), "2 election: no leader");
    equal(await campaign(1, "one"), "rev=2 leader{name=e key=e/1 rev=2 lease=1}");
    equal(await campaign(1, "uno"), "rev=2 leader{name=e key=e/1 rev=2 lease=1}");
    equal(await leader(), "rev=3 (e/1=uno @2/3/2 lease=1)");
    const second = await waiting(() => campaign(2, "two"));
    equal(await onLeader("Proclaim", 1, 2, "eins"), "rev=5");
    equal(await onLeader("Proclaim", 1, 9, "eins"), "2 election: not leader");
    equal(await onLeader("Resign", 1, 9), "rev=5", "who does not lead has nothing to resign from");
    equal(await onLeader("Resign", 1, 2), "rev=6");
    equal(await second.answer, "rev=4 leader{name=e key=e/2 rev=4 lease=2}");
    equal(await leader(), "rev=6 (e/2=two @4/4/1 lease=2)");
    equal(watches, 0);
  });

  it("does not tell a candidate that he leads whose session has ended while he waited", async () => {
    await campaign(1, "one");
    const second = await waiting(() => campaign(2, "two"));
    const third = await waiting(() => campaign(3, "three"));
    await revoke(2n);
    await revoke(1n);
    equal(await third.answer, "rev=4 leader{name=e key=e/3 rev=4 lease=3}");
    equal(await second.answer, "2 election: not leader");
  });

  it("forgets a candidate who goes", async () => {
    await campaign(1, "one");
    await abandoned("/v3electionpb.Election/Campaign", [
      [1, "e"],
      [2, 2],
      [3, "two"],
    ]);
    await until(
      () => keys("e/") === "e/1",
      () => `only e/1: ${keys("e/")}`,
    );
  });

  it("has etcd's texts for its errors", async () => {
    const missing = `2 "leader" field must be provided`;
    equal(await call("/v3electionpb.Election/Proclaim", [], {}), missing);
    equal(await call("/v3electionpb.Election/Resign", [], {}), missing);
    equal(await campaign(99, ""), "2 etcdserver: requested lease not found");
    const noKey: Fields = [[1, [[1, "e"]]]];
    const text = "2 etcdserver: key is not provided";
    equal(await call("/v3electionpb.Election/Resign", noKey, {}), text);
  });

  it("shows an observer every leader and all that he says, in order", async () => {
    const seen: string[] = [];
    const stream: ClientReadableStream<Buffer> = running.client.serverStream(
      "/v3electionpb.Election/Observe",
      encodedFields([[1, "e"]]),
    );
    stream.on("data", (bytes: Buffer) => seen.push(show(bytes, leaderShape)));
    stream.on("error", () => {});
    const sees = (count: number): Promise<void> =>
      until(
        () => seen.length >= count,
        () => `${count} of ${seen.join("; ")}`,
      );
    await until(
      () => watches === 1,
      () => "watch",
    );
    await campaign(1, "one");
    await sees(1);
    await onLeader("Proclaim", 1, 2, "eins");
    await sees(2);
    const second = await waiting(() => campaign(2, "two"));
    await onLeader("Resign", 1, 2);
    await second.answer;
    await sees(3);
    await revoke(2n);
    await campaign(3, "three");
    await sees(4);
    deepEqual(seen, [
      "rev=2 (e/1=one @2/2/1 lease=1)",
      "rev=3 (e/1=eins @2/3/2 lease=1)",
      "rev=5 (e/2=two @4/4/1 lease=2)",
      "rev=7 (e/3=three @7/7/1 lease=3)",
    ]);
    stream.cancel();
    await until(
      () => watches === 0,
      () => "end of the watch",
    );
  });
});
