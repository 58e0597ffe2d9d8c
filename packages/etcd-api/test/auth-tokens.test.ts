import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { Jwt, type JwtKeys } from "../src/auth/jwt.ts";
import { loadJwtKeys } from "../src/auth/jwt-keys.ts";
import { newTokenPrefix, SimpleTokens, tokenIndex } from "../src/auth/simple-tokens.ts";
import { AuthOptionError, type JwtOption, jwtAlgorithms, parseAuthToken } from "../src/index.ts";
import { simpleTokensMax } from "../src/limits.ts";
import { ManualTimers } from "./fixtures.ts";

/** The code that `read` fails with; what it gives when it does not fail. */
function outcomeOf<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    ok(error instanceof AuthOptionError, String(error));
    return error.code;
  }
}

describe("parseAuthToken", () => {
  const jwt = { kind: "jwt", algorithm: "RS256", unknown: [] as string[] };
  const noFiles = { publicKeyFile: undefined, privateKeyFile: undefined };
  // biome-ignore format: a table
  const cases: readonly (readonly [text: string, want: unknown])[] = [
    ["simple",                                            { kind: "simple" }],
    ["simple,a=b",                                        { kind: "simple" }],
    ["",                                                  { kind: "none" }],
    ["jwt,sign-method=RS256",                             { ...jwt, ...noFiles, ttlMs: 300_000 }],
    ["jwt,sign-method=RS256,ttl=1h30m",                   { ...jwt, ...noFiles, ttlMs: 5_400_000 }],
    ["jwt,sign-method=RS256,ttl=0.5s",                    { ...jwt, ...noFiles, ttlMs: 500 }],
    ["jwt,sign-method=RS256,ttl=",                        { ...jwt, ...noFiles, ttlMs: 300_000 }],
    ["jwt,sign-method=RS256,pub-key=a,priv-key=b,x=y",
      { ...jwt, publicKeyFile: "a", privateKeyFile: "b", ttlMs: 300_000, unknown: ["x"] }],
    ["jwt",                                               "algorithm"],
    ["jwt,sign-method=none",                              "algorithm"],
    ["jwt,sign-method=rs256",                             "algorithm"],
    ["jwt,sign-method=RS256,ttl=5",                       "ttl"],
    ["jwt,sign-method=RS256,ttl=-5m",                     "ttl"],
    ["jwt,sign-method=RS256,ttl=5 m",                     "ttl"],
    ["jwt,sign-method",                                   "syntax"],
    ["jwt,sign-method=RS256,sign-method=RS256",           "syntax"],
    ["jwt,sign-method=RS256,pub-key=a=b",                 "syntax"],
    ["jwt,sign-method=RS256,",                            "syntax"],
    ["Simple",                                            "type"],
    ["paseto",                                            "type"],
  ];
  for (const [text, want] of cases) {
    it(`reads "${text}"`, () =>
      deepEqual(
        outcomeOf(() => parseAuthToken(text)),
        want,
      ));
  }
});

describe("SimpleTokens", () => {
  it("end a time after their last use", () => {
    const clock = new ManualTimers();
    const tokens = new SimpleTokens(clock, 100);
    tokens.add("a.1", "ann");
    tokens.add("b.2", "bob");
    clock.advance(90);
    equal(tokens.use("a.1"), "ann");
    clock.advance(20);
    equal(tokens.use("b.2"), undefined);
    equal(tokens.use("a.1"), "ann");
    clock.advance(101);
    equal(tokens.use("a.1"), undefined);
    equal(tokens.size, 0);
  });

  it("go with their user, or all at once", () => {
    const tokens = new SimpleTokens(new ManualTimers(), 100);
    for (let at = 0; at < 10; at++) tokens.add(`t.${at}`, at % 2 === 0 ? "ann" : "bob");
    tokens.dropUser("ann");
    equal(tokens.use("t.0"), undefined);
    equal(tokens.use("t.1"), "bob");
    equal(tokens.size, 5);
    tokens.clear();
    equal(tokens.use("t.1"), undefined);
  });

  it("are bounded: the one that was not used for longest goes", () => {
    const tokens = new SimpleTokens(new ManualTimers(), 100);
    for (let at = 0; at < simpleTokensMax; at++) tokens.add(`t.${at}`, "ann");
    equal(tokens.use("t.0"), "ann");
    tokens.add("new.1", "ann");
    equal(tokens.size, simpleTokensMax);
    equal(tokens.use("t.0"), "ann");
    equal(tokens.use("t.1"), undefined);
  });

  it("have sixteen letters and an index", () => {
    const prefixes = new Set(Array.from({ length: 100 }, newTokenPrefix));
    equal(prefixes.size, 100);
    for (const prefix of prefixes) ok(/^[a-zA-Z]{16}$/.test(prefix), prefix);
    // biome-ignore format: a table
    const indexes: readonly (readonly [string, number | undefined])[] = [
      ["abc.7", 7], [".7", 7], ["abc", undefined], ["a.b.7", undefined], ["abc.", undefined],
      ["abc.-7", undefined], ["abc.7x", undefined], ["", undefined], [`a.${"9".repeat(30)}`, undefined],
    ];
    for (const [text, index] of indexes) equal(tokenIndex(text), index, text);
  });
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const curves = { ES256: "prime256v1", ES384: "secp384r1", ES512: "secp521r1" } as const;
const ec = {
  ES256: generateKeyPairSync("ec", { namedCurve: curves.ES256 }),
  ES384: generateKeyPairSync("ec", { namedCurve: curves.ES384 }),
  ES512: generateKeyPairSync("ec", { namedCurve: curves.ES512 }),
};

type Algorithm = (typeof jwtAlgorithms)[number];

function keysFor(algorithm: Algorithm): JwtKeys {
  if (algorithm.startsWith("HS")) return { kind: "secret", secret: Buffer.from("a secret") };
  const pair =
    algorithm === "EdDSA" ? ed : algorithm in ec ? ec[algorithm as keyof typeof ec] : rsa;
  return { kind: "pair", publicKey: pair.publicKey, privateKey: pair.privateKey };
}

const nowSeconds = 1_700_000_000;
const ann = { user: "ann", authRevision: 7 };

describe("Jwt", () => {
  for (const algorithm of jwtAlgorithms) {
    it(`by ${algorithm} is read by whoever has the key, until it ends`, () => {
      const jwt = new Jwt(algorithm, keysFor(algorithm));
      const token = jwt.make(ann, nowSeconds + 10);
      deepEqual(jwt.read(token, nowSeconds), ann);
      deepEqual(jwt.read(token, nowSeconds + 9), ann);
      equal(jwt.read(token, nowSeconds + 10), undefined);
    });
  }

  it("is not believed with anything changed in it (2,000 seeds)", () => {
    const jwt = new Jwt("ES256", keysFor("ES256"));
    const token = jwt.make(ann, nowSeconds + 10);
    for (let seed = 0; seed < 2000; seed++) {
      const prng = new Prng(seed);
      const at = prng.below(token.length);
      const letter = prng.pick([..."abcXYZ019-_.="]);
      const changed = token.slice(0, at) + letter + token.slice(at + prng.below(2));
      const read = jwt.read(changed, nowSeconds);
      // The last letter of a part has bits that mean nothing.
      const same = changed.split(".").every((part, place) => {
        const before = Buffer.from(token.split(".")[place] ?? "", "base64url");
        return Buffer.from(part, "base64url").equals(before);
      });
      if (!same) equal(read, undefined, `seed=${seed} ${changed}`);
    }
  });

  it("is judged by the configured algorithm, whatever it says of itself", () => {
    const secret = Buffer.from(rsa.publicKey.export({ type: "spki", format: "pem" }));
    const forged = new Jwt("HS256", { kind: "secret", secret }).make(ann, nowSeconds + 10);
    equal(new Jwt("RS256", keysFor("RS256")).read(forged, nowSeconds), undefined);
    const longer = new Jwt("RS512", keysFor("RS512")).make(ann, nowSeconds + 10);
    equal(new Jwt("RS256", keysFor("RS256")).read(longer, nowSeconds), undefined);
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const none = `${part({ alg: "none" })}.${part({ username: "ann", revision: 7 })}.`;
    equal(new Jwt("HS256", keysFor("HS256")).read(none, nowSeconds), undefined);
  });

  it("is written in one way alone", () => {
    const jwt = new Jwt("RS256", keysFor("RS256"));
    const token = jwt.make(ann, nowSeconds + 10);
    const [header = "", claims = "", signed = ""] = token.split(".");
    const standard = Buffer.from(signed, "base64url").toString("base64");
    for (const other of [`${token}=`, `${token}!`, `${token} `, `${token}.`, `.${token}`]) {
      equal(jwt.read(other, nowSeconds), undefined, other);
    }
    equal(jwt.read(`${header}.${claims}.${standard}`, nowSeconds), undefined);
    equal(jwt.read(`${header}=.${claims}.${signed}`, nowSeconds), undefined);
  });

  it("may be signed with salt of any length", () => {
    const jwt = new Jwt("PS256", keysFor("PS256"));
    const [header, claims] = jwt.make(ann, nowSeconds + 10).split(".");
    for (const saltLength of [0, 20, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
      const key = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
      const signed = sign("sha256", Buffer.from(`${header}.${claims}`), key).toString("base64url");
      deepEqual(jwt.read(`${header}.${claims}.${signed}`, nowSeconds), ann, `${saltLength}`);
    }
  });

  it("needs a name and a revision, and heeds when it begins", () => {
    const keys = keysFor("HS256");
    const jwt = new Jwt("HS256", keys);
    const signed = (claims: object): string => {
      const [header = ""] = jwt.make(ann, 0).split(".");
      const content = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
      return `${content}.${signature(content, keys)}`;
    };
    const read = (claims: object): unknown => jwt.read(signed(claims), nowSeconds);
    deepEqual(read({ username: "ann", revision: 7 }), ann);
    equal(read({ username: "ann" }), undefined);
    equal(read({ revision: 7 }), undefined);
    equal(read({ username: 7, revision: 7 }), undefined);
    equal(read({ username: "ann", revision: "7" }), undefined);
    equal(read({ username: "ann", revision: -1 }), undefined);
    equal(read({ username: "ann", revision: 7, exp: "later" }), undefined);
    equal(read({ username: "ann", revision: 7, nbf: nowSeconds + 1 }), undefined);
    deepEqual(read({ username: "ann", revision: 7, nbf: nowSeconds }), ann);
    equal(read([]), undefined);
  });
});

/** What `make` would sign `content` by. */
function signature(content: string, keys: JwtKeys): string {
  ok(keys.kind === "secret");
  return createHmac("sha256", keys.secret).update(content).digest("base64url");
}

describe("loadJwtKeys", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "flotilla-jwt-"));
    const write = (name: string, content: string | Buffer): Promise<void> =>
      writeFile(join(dir, name), content);
    const pem = (key: KeyObject): string | Buffer =>
      key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem" });
    await write("rsa.key", pem(rsa.privateKey));
    await write("rsa.pub", pem(rsa.publicKey));
    await write("ec.key", ec.ES256.privateKey.export({ type: "sec1", format: "pem" }));
    await write("ec.pub", pem(ec.ES256.publicKey));
    await write("ed.key", pem(ed.privateKey));
    await write("text", "a secret");
    await write("empty", "");
  });
  after(() => rm(dir, { recursive: true }));

  const load = (algorithm: Algorithm, files: { pub?: string; priv?: string }): string => {
    const path = (name: string | undefined): string | undefined => name && join(dir, name);
    const option: JwtOption = {
      kind: "jwt",
      algorithm,
      publicKeyFile: path(files.pub),
      privateKeyFile: path(files.priv),
      ttlMs: 1,
      unknown: [],
    };
    const outcome = outcomeOf(() => new Jwt(algorithm, loadJwtKeys(option)));
    if (typeof outcome === "string") return outcome;
    if (!outcome.canSign) return "checks";
    notEqual(outcome.read(outcome.make(ann, nowSeconds + 1), nowSeconds), undefined);
    return "signs";
  };

  // biome-ignore format: a table
  const cases: readonly (readonly [Algorithm, { pub?: string; priv?: string }, want: string])[] = [
    ["RS256", { pub: "rsa.pub", priv: "rsa.key" }, "signs"],
    ["RS256", { priv: "rsa.key" },                 "signs"],
    ["RS256", { pub: "rsa.pub" },                  "checks"],
    ["PS384", { priv: "rsa.key" },                 "signs"],
    ["ES256", { pub: "ec.pub", priv: "ec.key" },   "signs"],
    ["EdDSA", { priv: "ed.key" },                  "signs"],
    ["HS256", { priv: "text" },                    "signs"],
    ["RS256", {},                                  "keyMissing"],
    ["HS256", {},                                  "keyMissing"],
    ["HS256", { pub: "text" },                     "keyMissing"],
    ["HS256", { priv: "empty" },                   "keyMissing"],
    ["RS256", { priv: "none" },                    "keyUnreadable"],
    ["RS256", { priv: "text" },                    "keyMalformed"],
    ["RS256", { pub: "ec.pub", priv: "rsa.key" },  "keyMismatch"],
    ["RS256", { priv: "ec.key" },                  "keyMalformed"],
    ["ES256", { priv: "rsa.key" },                 "keyMalformed"],
    ["ES384", { priv: "ec.key" },                  "keyMalformed"],
    ["EdDSA", { priv: "ec.key" },                  "keyMalformed"],
  ];
  for (const [algorithm, files, want] of cases) {
    it(`${algorithm} with ${JSON.stringify(files)}: ${want}`, () => {
      equal(load(algorithm, files), want);
    });
  }
});
