import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { concatBytes, emptyBytes, utf8, WireReader } from "@flotilla/base";
import { encodePutRequest, putRequest } from "@flotilla/store";
import { snapshotsMax } from "../src/limits.ts";
import { judgeDowngrade } from "../src/maintenance/downgrade.ts";
import { blobBytes, snapshotPieces } from "../src/maintenance/snapshot-stream.ts";
import { encoded, type Running, type Shape, show, startSolo, stopAll } from "./fixtures.ts";

let running: Running;
before(async () => {
  running = await startSolo({ versions: { server: "3.7.1", cluster: "3.7.0" } });
});
after(stopAll);

const path = (method: string): string => `/etcdserverpb.Maintenance/${method}`;
const header = ["", "header"] as const;
const run = async (method: string, request: Uint8Array, shape: Shape): Promise<string> =>
  show(await running.client.unary(path(method), request), shape);
const status = (method: string, request: Uint8Array): Promise<string> =>
  running.client.status(path(method), request);
const put = (key: string, value = ""): Promise<string> =>
  running.client.status(
    "/etcdserverpb.KV/Put",
    encodePutRequest(putRequest(utf8(key), utf8(value))),
  );

const statusShape: Shape = {
  1: header,
  2: ["version", "text"],
  3: ["size", "number"],
  4: ["leader", "number"],
  5: ["index", "number"],
  6: ["term", "number"],
  7: ["applied", "number"],
  8: ["error", "text"],
  9: ["used", "number"],
  11: ["storage", "text"],
  12: ["quota", "number"],
  13: ["downgrade", { 1: ["enabled", "number"], 2: ["target", "text"] }],
};
const state = (): Promise<string> => run("Status", emptyBytes, statusShape);

describe("Status", () => {
  it("tells the member's own state, without a leader too", async () => {
    match(
      await state(),
      /version=3\.7\.1 .*leader=-6066930334832433271 .*term=7 .*storage=3\.7\.0 quota=2147483648 downgrade\{\}$/,
    );
    const [, size, used] = /size=(\d+) .*used=(\d+)/.exec(await state()) ?? [];
    equal(size, used);
    running.member.leaderId = 0n;
    ok((await state()).includes("error=etcdserver: no leader"));
    running.member.leaderId = running.member.id;
  });
});

describe("Alarm", () => {
  const noSpace = 1;
  const corrupt = 2;
  const request = (action: number, memberId = 0n, alarm = 0): Uint8Array =>
    encoded((writer) => {
      writer.fieldVarint(1, action);
      writer.fieldVarint64(2, memberId);
      writer.fieldVarint(3, alarm);
    });
  const shape: Shape = { 1: header, 2: ["", { 1: ["member", "number"], 2: ["kind", "number"] }] };
  const alarm = (...fields: Parameters<typeof request>): Promise<string> =>
    run("Alarm", request(...fields), shape);

  it("is raised, listed by kind whatever the member, and taken back", async () => {
    const rev = `rev=${running.member.store.revision}`;
    equal(await alarm(0), rev);
    equal(await alarm(1, 7n, noSpace), `${rev} {member=7 kind=1}`);
    equal(await alarm(1, 7n, noSpace), `${rev} {member=7 kind=1}`, "again");
    equal(await alarm(1, 3n, corrupt), `${rev} {member=3 kind=2}`);
    equal(await alarm(0), `${rev} {member=3 kind=2} {member=7 kind=1}`);
    equal(await alarm(0, 3n, noSpace), `${rev} {member=7 kind=1}`);
    equal(await alarm(0, 0n, 9), rev);
    match(
      await state(),
      /error=memberID:3 {2}alarm:CORRUPT error=memberID:7 {2}alarm:NOSPACE used/,
    );
    equal(await put("a"), "15 etcdserver: corrupt cluster");
    equal(await alarm(2, 3n, corrupt), `${rev} {member=3 kind=2}`);
    equal(await alarm(2, 3n, corrupt), rev, "nothing to take back");
    equal(await put("a"), "8 etcdserver: mvcc: database space exceeded");
    equal(await alarm(2, 7n, noSpace), `${rev} {member=7 kind=1}`);
    equal(await put("a"), "ok");
  });

  it("of no kind is not raised, and an action of no kind refused", async () => {
    equal(await alarm(1, 7n), `rev=${running.member.store.revision}`);
    equal(await alarm(2, 7n), `rev=${running.member.store.revision}`);
    equal(await status("Alarm", request(7)), "2 etcdserver: unknown method");
    deepEqual(running.member.store.alarms(), []);
  });
});

describe("Hash and HashKV", () => {
  const shape: Shape = {
    1: header,
    2: ["hash", "number"],
    3: ["compacted", "number"],
    4: ["at", "number"],
  };
  const hashKv = (revision = 0n): Promise<string> =>
    run(
      "HashKV",
      encoded((w) => w.fieldVarint64(1, BigInt.asUintN(64, revision))),
      shape,
    );

  it("follow the data", async () => {
    const before = await hashKv();
    match(before, /^rev=\d+ hash=\d+ compacted=-1 at=\d+$/);
    equal(await hashKv(), before);
    equal(await hashKv(-3n), before.replace(/at=\d+/, "at=-3"));
    match(await run("Hash", emptyBytes, shape), /^rev=\d+ hash=\d+$/);
    await put("h", "1");
    ok((await hashKv()) !== before);
    equal(
      await status(
        "HashKV",
        encoded((writer) => writer.fieldVarint(1, 999_999)),
      ),
      "11 etcdserver: mvcc: required revision is a future revision",
    );
  });

  it("have nothing to defragment", async () => {
    equal((await running.client.unary(path("Defragment"), emptyBytes)).length, 0);
  });
});

describe("Downgrade", () => {
  it("judges versions as etcd does", () => {
    const judged = (wanted: string, isInProgress = false): string => {
      const verdict = judgeDowngrade(wanted, "3.7.0", isInProgress);
      return verdict.kind === "allowed" ? verdict.target : verdict.error;
    };
    for (const wanted of ["3.6", "3.6.0", "3.6.5", "03.6.0", "3.6.0-rc", "3.6.0+x"]) {
      equal(judged(wanted), "3.6.0", wanted);
    }
    for (const wanted of ["3.5", "3.7", "3.7.0", "3.8.0", "4.0.0", "2.6.0"]) {
      equal(judged(wanted), "downgradeTargetInvalid", wanted);
      equal(judged(wanted, true), "downgradeTargetInvalid", wanted);
    }
    for (const wanted of ["", "abc", "v3.6.0", "3.6.0.0", "3", "3.x"]) {
      equal(judged(wanted), "downgradeVersionFormat", wanted);
    }
    equal(judged("3.6", true), "downgradeInProgress");
  });

  it("is begun once, shows, and is cancelled", async () => {
    const shape: Shape = { 1: header, 2: ["version", "text"] };
    const request = (action: number, version = ""): Uint8Array =>
      encoded((writer) => {
        writer.fieldVarint(1, action);
        writer.fieldText(2, version);
      });
    const rev = `rev=${running.member.store.revision}`;
    equal(await run("Downgrade", request(0, "3.6"), shape), `${rev} version=3.7`);
    equal(await run("Downgrade", request(2), shape), `${rev} version=3.7`);
    equal(await run("Downgrade", request(1, "3.6"), shape), `${rev} version=3.7`);
    match(await state(), /storage=3\.6\.0 .*downgrade\{enabled=1 target=3\.6\.0\}/);
    equal(
      await status("Downgrade", request(1, "3.5")),
      "9 etcdserver: cluster has a downgrade job in progress",
    );
    equal(
      await status("Downgrade", request(0, "3.6")),
      "3 etcdserver: invalid downgrade target version",
    );
    equal(
      await status("Downgrade", request(0, "x")),
      "3 etcdserver: wrong downgrade target version format",
    );
    equal(await run("Downgrade", request(2), shape), `${rev} version=3.6`);
    match(await state(), /storage=3\.7\.0 .*downgrade\{\}/);
    equal(await status("Downgrade", request(5, "3.6")), "2 etcdserver: unknown method");
  });
});

interface Piece {
  readonly blob: Uint8Array;
  readonly remaining: number;
  readonly version: string;
}

function pieceOf(message: Uint8Array): Piece {
  const reader = new WireReader(message);
  let piece: Piece = { blob: emptyBytes, remaining: 0, version: "" };
  while (reader.next()) {
    if (reader.field === 2) piece = { ...piece, remaining: reader.varint() };
    else if (reader.field === 3) piece = { ...piece, blob: reader.bytes() };
    else if (reader.field === 4) piece = { ...piece, version: reader.text() };
    else throw new Error(`field ${reader.field}`);
  }
  return piece;
}

async function* streamOf(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const [at, size] of sizes.entries()) yield new Uint8Array(size).fill(at + 1);
}

describe("Snapshot", () => {
  it("is cut to blobs, padded to 512 bytes, and followed by its hash", async () => {
    const cases: readonly (readonly number[])[] = [
      [],
      [1],
      [512],
      [blobBytes],
      [blobBytes + 1],
      [3 * blobBytes - 5, 5],
      [10, 70_000, 1, 200_000],
    ];
    for (const sizes of cases) {
      const pieces: { blob: Uint8Array; remainingBytes: number }[] = [];
      for await (const piece of snapshotPieces(streamOf(...sizes), 100_000)) pieces.push(piece);
      const hash = pieces.pop();
      const data = concatBytes(pieces.map(({ blob }) => blob));
      deepEqual(
        new Uint8Array(createHash("sha256").update(data).digest()),
        new Uint8Array(hash?.blob ?? []),
      );
      equal(data.length % 512, 0, `${sizes}`);
      const length = sizes.reduce((sum, size) => sum + size, 0);
      ok(data.length - length < 512, `${sizes}`);
      const given: Uint8Array[] = [];
      for await (const chunk of streamOf(...sizes)) given.push(chunk);
      deepEqual(data.subarray(0, length), concatBytes(given));
      ok(pieces.slice(0, -1).every(({ blob }) => blob.length === blobBytes));
      const remaining = pieces.map(({ remainingBytes }) => remainingBytes);
      equal(remaining.at(-1), 0);
      ok(
        remaining
          .slice(0, -1)
          .every(
            (bytes, at) => bytes > 0 && bytes <= (remaining[at - 1] ?? Number.POSITIVE_INFINITY),
          ),
      );
    }
  });

  it("lets its source go when it is given up", async () => {
    let isOver = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(100_000);
      } finally {
        isOver = true;
      }
    };
    for await (const _ of snapshotPieces(source(), 0)) break;
    ok(isOver);
  });

  it("comes from the member as one consistent whole", async () => {
    for (let at = 0; at < 50; at++) await put(`snap-${at}`, "v".repeat(3000));
    const pieces: Piece[] = [];
    const stream = running.client.serverStream(path("Snapshot"), emptyBytes);
    for await (const message of stream) pieces.push(pieceOf(message));
    ok(pieces.length > 3);
    ok(pieces.every(({ version }) => version === "3.7.0"));
    const hash = pieces.pop()?.blob ?? emptyBytes;
    const data = concatBytes(pieces.map(({ blob }) => blob));
    deepEqual(new Uint8Array(createHash("sha256").update(data).digest()), new Uint8Array(hash));
  });

  it("is sent to few at a time, and a client that goes makes room", async () => {
    for (let at = 0; at < 40; at++) await put(`large-${at}`, "v".repeat(200_000));
    const open = () => {
      const stream = running.client.serverStream(path("Snapshot"), emptyBytes);
      const failure = new Promise<string>((resolve) =>
        stream.on("error", (error: Error) => resolve(error.message)),
      );
      return { stream, failure };
    };
    const streams = Array.from({ length: snapshotsMax }, open);
    // Each has sent something: so each is under way, and none of these clients reads on.
    for (const { stream } of streams) {
      await new Promise((resolve) => stream.once("readable", resolve));
    }
    const beyond = open();
    beyond.stream.resume();
    match(await beyond.failure, /too many requests/);
    for (const { stream } of streams) stream.cancel();
    for (;;) {
      const again = open();
      const first = await Promise.race([
        again.failure,
        new Promise<string>((resolve) => again.stream.once("readable", () => resolve("ok"))),
      ]);
      again.stream.cancel();
      if (first === "ok") break;
      match(first, /too many requests/, "until the server has heard of it");
    }
  });
});
