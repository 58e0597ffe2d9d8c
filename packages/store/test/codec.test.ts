import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage, Prng, WireError, WireWriter } from "@flotilla/base";
import {
  CodecError,
  type Command,
  type Compare,
  decodeDeleteRangeRequest,
  decodeEvent,
  decodeKeyValue,
  decodeProposal,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  encodeDeleteRangeRequest,
  encodeEvent,
  encodeKeyValue,
  encodeProposal,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
  getRequest,
  type Proposal,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
  writeRangeRequest,
} from "../src/index.ts";
import { b } from "./fixtures.ts";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

const kv = {
  key: b("foo"),
  value: b("bar"),
  createRevision: 2,
  modRevision: 300,
  version: 3,
  lease: -5n,
};
const gone = { ...kv, value: b(""), createRevision: 0, modRevision: 301, version: 0, lease: 0n };
const range: RangeRequest = {
  key: b("a"),
  rangeEnd: b("\0"),
  limit: 7,
  revision: 9,
  sortOrder: "descend",
  sortTarget: "mod",
  serializable: true,
  keysOnly: true,
  countOnly: true,
  minModRevision: 1,
  maxModRevision: 2,
  minCreateRevision: 3,
  maxCreateRevision: 4,
};
const put = {
  key: b("foo"),
  value: b("bar"),
  lease: 1234n,
  prevKv: true,
  ignoreValue: true,
  ignoreLease: true,
};
const deletion = { key: b("foo"), rangeEnd: b("fop"), prevKv: true };

function compare(result: Compare["result"], target: Compare["target"], rangeEnd = ""): Compare {
  return { key: b("foo"), rangeEnd: b(rangeEnd), result, target };
}

const txn: TxnRequest = {
  compare: [
    compare("notEqual", { kind: "lease", lease: -5n }),
    compare("greater", { kind: "create", revision: 0 }, "fop"),
    compare("equal", { kind: "value", value: b("") }),
    compare("less", { kind: "mod", revision: 8 }),
    compare("equal", { kind: "version", version: 1 }),
  ],
  success: [
    { kind: "put", request: put },
    { kind: "txn", request: { compare: [], success: [], failure: [] } },
  ],
  failure: [
    { kind: "range", request: range },
    { kind: "deleteRange", request: deletion },
  ],
};

/** The bytes that etcd's own Go types (go.etcd.io/etcd/api v3.7.1) give for the values above. */
const etcd = {
  kv: "0a03666f6f100218ac0220032a0362617230fbffffffffffffffff01",
  event: "080112080a03666f6f18ad021a1c0a03666f6f100218ac0220032a0362617230fbffffffffffffffff01",
  range: "0a016112010018072009280230033801400148015001580260036804",
  put: "0a03666f6f120362617218d209200128013001",
  deletion: "0a03666f6f1203666f701801",
  txn:
    "0a14080310041a03666f6f40fbffffffffffffffff010a11080110011a03666f6f820403666f7028000a09" +
    "10031a03666f6f3a000a0b080210021a03666f6f30080a071a03666f6f2001121512130a03666f6f120362" +
    "617218d209200128013001120222001a1e0a1c0a0161120100180720092802300338014001480150015802" +
    "600368041a0e1a0c0a03666f6f1203666f701801",
} as const;

describe("codec: etcd's bytes", () => {
  it("are what is written", () => {
    equal(hex(encodeKeyValue(kv)), etcd.kv);
    equal(hex(encodeEvent({ kind: "delete", kv: gone, previous: kv })), etcd.event);
    equal(hex(encodeRangeRequest(range)), etcd.range);
    equal(hex(encodePutRequest(put)), etcd.put);
    equal(hex(encodeDeleteRangeRequest(deletion)), etcd.deletion);
  });

  it("are read", () => {
    deepEqual(decodeKeyValue(fromHex(etcd.kv)), kv);
    deepEqual(decodeEvent(fromHex(etcd.event)), { kind: "delete", kv: gone, previous: kv });
    deepEqual(decodeRangeRequest(fromHex(etcd.range)), range);
    deepEqual(decodePutRequest(fromHex(etcd.put)), put);
    deepEqual(decodeDeleteRangeRequest(fromHex(etcd.deletion)), deletion);
    deepEqual(decodeTxnRequest(fromHex(etcd.txn)), txn);
    deepEqual(decodeTxnRequest(encodeTxnRequest(txn)), txn);
  });

  const attributes = {
    memberId: (1n << 63n) + 1n,
    name: "m0",
    clientUrls: ["http://a", "http://b"],
    apiUrl: "",
  };
  // InternalRaftRequest, without our own fields.
  // biome-ignore format: a table
  const entries: readonly (readonly [Command, string])[] = [
    [{ kind: "put", request: put },                        "22130a03666f6f120362617218d209200128013001"],
    [{ kind: "compact", revision: 5, physical: true },     "3a0408051001"],
    [{ kind: "leaseGrant", id: -5n, ttlSeconds: 60 },      "420d083c10fbffffffffffffffff01"],
    [{ kind: "leaseRevoke", id: 77n },                     "4a02084d"],
    [{ kind: "memberAttributes", attributes }, "aa5125088180808080808080800112180a026d301208687474703a2f2f611208687474703a2f2f62"],
    [{ kind: "alarm", action: "activate", alarm: { memberId: 77n, kind: "noSpace" } }, "52060801104d1801"],
    [{ kind: "alarm", action: "deactivate", alarm: { memberId: 77n, kind: "corrupt" } }, "52060802104d1802"],
    [{ kind: "downgrade", enabled: true, version: "3.6.0" }, "b2510908011205332e362e30"],
    [{ kind: "authEnable" },                               "c23e00"],
    [{ kind: "authDisable" },                              "9a3f00"],
    [{ kind: "authenticate", user: "u", authRevision: 0, tokenPrefix: "abc" }, "a23f080a01751a03616263"],
    [{ kind: "userAdd", name: "u", passwordHash: "h", hasNoPassword: true }, "e2440a0a01751a020801220168"],
    [{ kind: "userDelete", name: "u" },                    "ea44030a0175"],
    [{ kind: "userChangePassword", name: "u", passwordHash: "h" }, "fa44060a01751a0168"],
    [{ kind: "userGrantRole", name: "u", role: "r" },      "8245060a0175120172"],
    [{ kind: "userRevokeRole", name: "u", role: "r" },     "8a45060a0175120172"],
    [{ kind: "roleAdd", name: "r" },                       "824b030a0172"],
    [{ kind: "roleDelete", name: "r" },                    "8a4b030a0172"],
    [{ kind: "roleGrantPermission", name: "r", permission: { kind: "readWrite", key: b("a"), rangeEnd: b("c") } }, "9a4b0d0a0172120808021201611a0163"],
    [{ kind: "roleRevokePermission", name: "r", range: { key: b("a"), rangeEnd: b("c") } }, "a24b090a01721201611a0163"],
  ];
  for (const [command, want] of entries) {
    it(`are those of a log entry: ${command.kind}`, () => {
      const plain = {
        session: 0n,
        openedAt: 0,
        sequence: 0,
        settledBelow: 0,
        onlyInTerm: 0,
        command,
      };
      equal(hex(encodeProposal(plain)), want);
      deepEqual(decodeProposal(fromHex(want)), plain);
    });
  }
});

describe("codec: what no log should hold", () => {
  // biome-ignore format: a table
  const damaged: readonly (readonly [what: string, hex: string])[] = [
    ["an alarm of no kind",              "5204 0801 104d"],
    ["an alarm that only asks",          "5204 104d 1801"],
    ["a permission of a kind unknown",   "9a4b0d 0a0172 1208 0803 120161 1a0163"],
  ];
  for (const [what, bytes] of damaged) {
    it(`refuses ${what}`, () => {
      throws(() => decodeProposal(fromHex(bytes.replaceAll(" ", ""))), WireError);
    });
  }
});

describe("codec: what a client may send", () => {
  const field = (number: number, value: bigint) =>
    encodeMessage((writer) => writer.fieldVarint64(number, value));

  it("clamps the largest int64, which clients send as a limit", () => {
    equal(decodeRangeRequest(field(3, (1n << 63n) - 1n)).limit, Number.MAX_SAFE_INTEGER);
    equal(decodeRangeRequest(field(4, -(1n << 63n))).revision, -Number.MAX_SAFE_INTEGER);
    equal(decodeRangeRequest(field(4, -1n)).revision, -1);
  });

  it("keeps all 64 bits of a lease id", () => {
    equal(decodePutRequest(field(3, (1n << 63n) - 1n)).lease, (1n << 63n) - 1n);
    equal(decodePutRequest(field(3, -(1n << 63n))).lease, -(1n << 63n));
  });

  it("skips fields that it does not know", () => {
    deepEqual(decodePutRequest(fromHex(`${etcd.put}b80607ba0603616263`)), put);
  });

  const isRefusal = (code: string) => (error: unknown) =>
    error instanceof CodecError && error.code === code;

  it("refuses sort options that do not exist", () => {
    throws(() => decodeRangeRequest(field(5, 3n)), isRefusal("invalidSortOption"));
    throws(() => decodeRangeRequest(field(6, 5n)), isRefusal("invalidSortOption"));
    throws(() => decodeRangeRequest(field(6, -1n)), isRefusal("invalidSortOption"));
  });

  it("takes compares that do not exist for such that hold, as etcd does", () => {
    const txnOf = (body: Uint8Array) => encodeMessage((writer) => writer.fieldBytes(1, body));
    const onlyOf = (bytes: Uint8Array) => decodeTxnRequest(bytes).compare[0];
    equal(onlyOf(txnOf(field(1, 4n)))?.result, "any");
    equal(onlyOf(txnOf(field(1, -1n)))?.result, "any");
    equal(onlyOf(txnOf(field(2, 9n)))?.target.kind, "none");
    const again = onlyOf(encodeTxnRequest(decodeTxnRequest(txnOf(field(2, 9n)))));
    equal(again?.target.kind, "none");
  });

  it("takes a union of another kind than the target for zero", () => {
    const body = encodeMessage((writer) => {
      writer.fieldVarint(2, 3); // VALUE
      writer.fieldVarint(4, 9); // but the version is set
    });
    const [only] = decodeTxnRequest(encodeMessage((writer) => writer.fieldBytes(1, body))).compare;
    deepEqual(only?.target, { kind: "value", value: b("") });
  });

  it("refuses an operation that names no request", () => {
    const empty = encodeMessage((writer) => writer.fieldBytesAlways(2, b("")));
    throws(() => decodeTxnRequest(empty), isRefusal("emptyRequestOp"));
  });

  it("refuses transactions nested so deep that the stack would not hold them", () => {
    const nested = (depth: number) => {
      let request: TxnRequest = { compare: [], success: [], failure: [] };
      for (let at = 1; at < depth; at++) {
        request = { compare: [], success: [{ kind: "txn", request }], failure: [] };
      }
      return encodeTxnRequest(request);
    };
    equal(decodeTxnRequest(nested(129)).success.length, 1);
    throws(() => decodeTxnRequest(nested(130)), isRefusal("tooManyOperations"));
  });

  it("refuses a log entry without a command", () => {
    throws(() => decodeProposal(new Uint8Array(0)), WireError);
    throws(() => decodeProposal(field(20_001, 5n)), WireError);
  });
});

describe("codec: any bytes", () => {
  it("round trips (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const proposal = randomProposal(new Prng(seed));
      deepEqual(decodeProposal(encodeProposal(proposal)), proposal, `seed=${seed}`);
    }
  });

  it("throws WireError or CodecError for cut and changed ones, and nothing else (3000 seeds)", () => {
    let refused = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const prng = new Prng(seed);
      const bytes = encodeProposal(randomProposal(prng));
      const changed = bytes.slice(0, prng.chance(0.3) ? prng.below(bytes.length) : bytes.length);
      for (let change = prng.below(4); change > 0 && changed.length > 0; change--) {
        changed[prng.below(changed.length)] = prng.below(256);
      }
      for (const decode of [decodeProposal, decodeTxnRequest, decodeRangeRequest, decodeEvent]) {
        try {
          decode(changed);
        } catch (error) {
          refused++;
          const isExpected = error instanceof WireError || error instanceof CodecError;
          equal(isExpected, true, `seed=${seed}: ${error}`);
        }
      }
    }
    equal(refused > 1000, true, "the changes must be felt");
  });

  it("writes into a message that is under way", () => {
    const writer = new WireWriter();
    writer.fieldMessage(1, (body) => writeRangeRequest(body, getRequest(b("k"))));
    equal(hex(writer.finish()), "0a030a016b");
  });
});

function randomBytes(prng: Prng): Uint8Array {
  return new Uint8Array(prng.below(300)).map(() => prng.below(256));
}

function randomProposal(prng: Prng): Proposal {
  const wide = () => (BigInt(prng.next32()) << 32n) | BigInt(prng.next32());
  return {
    session: wide(),
    openedAt: prng.next32(),
    sequence: prng.next32(),
    settledBelow: prng.next32(),
    onlyInTerm: prng.below(3),
    ...prng.pick<Pick<Proposal, "principal">>([
      {},
      { principal: "cluster" },
      { principal: { user: "n".repeat(prng.below(3)), authRevision: prng.below(3) } },
    ]),
    command: randomCommand(prng, BigInt.asIntN(64, wide())),
  };
}

function randomCommand(prng: Prng, id: bigint): Command {
  const op = randomOp(prng, id, 0);
  return prng.pick<Command>([
    op.kind === "range" ? { kind: "leaseRevoke", id } : op,
    { kind: "compact", revision: prng.next32(), physical: prng.chance(0.5) },
    { kind: "leaseGrant", id, ttlSeconds: prng.next32() },
    {
      kind: "memberAttributes",
      attributes: {
        memberId: BigInt.asUintN(64, id),
        name: "n".repeat(prng.below(3)),
        clientUrls: Array.from({ length: prng.below(3) }, () => "u".repeat(prng.below(3))),
        apiUrl: "é".repeat(prng.below(3)),
      },
    },
    { kind: "authenticate", user: "u", authRevision: prng.next32(), tokenPrefix: "t" },
  ]);
}

function randomOp(prng: Prng, lease: bigint, depth: number): RequestOp {
  const [key, rangeEnd, value] = [randomBytes(prng), randomBytes(prng), randomBytes(prng)];
  const many = <T>(make: () => T) => Array.from({ length: prng.below(3) }, make);
  switch (prng.below(depth < 3 ? 4 : 3)) {
    case 0:
      return { kind: "range", request: { ...range, key, rangeEnd, limit: prng.next32() } };
    case 1:
      return { kind: "put", request: { ...put, key, value, lease, prevKv: prng.chance(0.5) } };
    case 2:
      return { kind: "deleteRange", request: { key, rangeEnd, prevKv: prng.chance(0.5) } };
    default:
      return {
        kind: "txn",
        request: {
          compare: many(() => ({ ...prng.pick(txn.compare), key })),
          success: many(() => randomOp(prng, lease, depth + 1)),
          failure: many(() => randomOp(prng, lease, depth + 1)),
        },
      };
  }
}
