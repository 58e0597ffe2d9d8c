import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { FlagValues } from "../../src/member/flag-values.ts";
import { flags, oldNames } from "../../src/member/flags.ts";
import { flagsTable } from "../../src/member/help.ts";
import { type FlagsOutcome, readFlags } from "../../src/member/read-flags.ts";
import { memberOptions, serveOptions } from "../../src/member/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-flags-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function valuesOf(outcome: FlagsOutcome): FlagValues {
  if (outcome.kind !== "read") throw new Error(JSON.stringify(outcome));
  return outcome.values;
}

const read = (args: readonly string[], variables = {}) => valuesOf(readFlags(args, variables));
const noticesOf = (outcome: FlagsOutcome) =>
  outcome.kind === "read" ? outcome.notices.map(({ message, fields }) => [message, fields]) : [];

describe("a command line", () => {
  it("is Go's: one dash or two, a value behind = or in the next word, true without one", () => {
    const values = read(["-name=a", "--data-dir", "d", "--force-new-cluster", "-auto-tls=F"]);
    equal(values.text("name"), "a");
    equal(values.text("data-dir"), "d");
    equal(values.bool("force-new-cluster"), true);
    equal(values.bool("auto-tls"), false);
    equal(read(["--name", "a", "--name=b=c"]).text("name"), "b=c");
  });

  // biome-ignore format: a table
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["--bogus=3"],                           "flag provided but not defined: -bogus"],
    [["---name"],                             "bad flag syntax: ---name"],
    [["-=x"],                                 "bad flag syntax: -=x"],
    [["--heartbeat-interval", "x"],           'invalid value "x" for flag -heartbeat-interval: parse error'],
    [["--heartbeat-interval", "-5"],          'invalid value "-5" for flag -heartbeat-interval: parse error'],
    [["--client-cert-auth=maybe"],            'invalid boolean value "maybe" for -client-cert-auth: parse error'],
    [["--initial-cluster-state=foo"],         'invalid value "foo" for flag -initial-cluster-state: invalid value'],
    [["--corrupt-check-time=1"],              'invalid value "1" for flag -corrupt-check-time: parse error'],
    [["--listen-client-urls=127.0.0.1:2379"], 'invalid value "127.0.0.1:2379" for flag -listen-client-urls: parse "127.0.0.1:2379": first path segment in URL cannot contain colon'],
    [["--listen-client-urls=http://a:1/b"],   'invalid value "http://a:1/b" for flag -listen-client-urls: URL must not contain a path: http://a:1/b'],
    [["--listen-client-urls=http://a"],       'invalid value "http://a" for flag -listen-client-urls: URL address does not have the form "host:port": http://a'],
  ];
  for (const [args, problem] of wrong) {
    it(`refuses ${args.join(" ")} in etcd's words`, () => {
      deepEqual(readFlags(args, {}), { kind: "badFlag", problem });
    });
  }

  it("takes the names of 3.5, and says what they are called now", () => {
    const outcome = readFlags(
      [
        "--experimental-initial-corrupt-check=true",
        "--experimental-watch-progress-notify-interval=5s",
      ],
      {},
    );
    const values = valuesOf(outcome);
    equal(values.featureGates, "InitialCorruptCheck=true");
    equal(values.number("watch-progress-notify-interval"), 5000);
    equal(noticesOf(outcome).length, 2);
  });

  it("warns of a flag that has no effect", () => {
    deepEqual(noticesOf(readFlags(["--unsafe-no-fsync"], {})), [
      [
        "flag has no effect here",
        { flag: "--unsafe-no-fsync", reason: "what is acknowledged is always on the disk" },
      ],
    ]);
  });
});

describe("the environment", () => {
  it("fills in what the command line leaves out", () => {
    const values = read(["--name=a"], { ETCD_DATA_DIR: "d", ETCD_PRE_VOTE: "", HOME: "x" });
    equal(values.text("data-dir"), "d");
    ok(!values.isSet("pre-vote"));
    equal(read([], { FLOTILLA_LEASE_READS: "true" }).bool("lease-reads"), true);
    equal(
      read([], { ETCD_EXPERIMENTAL_CORRUPT_CHECK_TIME: "1m" }).number("corrupt-check-time"),
      60_000,
    );
  });

  it("may not say again what the command line says", () => {
    const outcome = readFlags(["--name=b"], { ETCD_NAME: "b" });
    ok(outcome.kind === "refused");
    match(outcome.message, /^conflicting environment variable is shadowed by corresponding/);
    deepEqual(outcome.fields, { "environment-variable": "ETCD_NAME" });
  });

  it("refuses a value that is none, and warns of an ETCD_ variable that nobody knows", () => {
    const bad = readFlags([], { ETCD_HEARTBEAT_INTERVAL: "x" });
    deepEqual(bad.kind === "refused" && bad.fields, {
      error: 'invalid value "x" for ETCD_HEARTBEAT_INTERVAL: parse error',
    });
    deepEqual(noticesOf(readFlags([], { ETCD_BOGUS: "1", FLOTILLA_POD: "p" })), [
      ["unrecognized environment variable", { "environment-variable": "ETCD_BOGUS=1" }],
    ]);
  });
});

describe("a configuration file", () => {
  const path = join(folder, "etcd.yaml");
  const fromFile = (text: string, args: readonly string[] = [], variables = {}) => {
    writeFileSync(path, text);
    return readFlags(["--config-file", path, ...args], variables);
  };

  it("has etcd's keys, durations as nanoseconds or as people write them, and two sections", () => {
    const values = valuesOf(
      fromFile(`
name: m1
heartbeat-interval: 50
watch-progress-notify-interval: 5000000000
corrupt-check-time: 10m
listen-client-urls: http://127.0.0.1:1,http://127.0.0.1:2
strict-reconfig-check: false
auto-compaction-retention: 1
log-outputs: [stderr]
discovery-srv:
experimental-initial-corrupt-check: true
client-transport-security:
  cert-file: /c
  client-cert-auth: true
peer-transport-security:
  trusted-ca-file: /ca
  auto-tls: true
  allowed-cn: a
`),
    );
    equal(values.text("name"), "m1");
    equal(values.number("heartbeat-interval"), 50);
    equal(values.number("watch-progress-notify-interval"), 5000);
    equal(values.number("corrupt-check-time"), 600_000);
    deepEqual(values.list("listen-client-urls"), ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
    equal(values.bool("strict-reconfig-check"), false);
    equal(values.text("auto-compaction-retention"), "1");
    deepEqual(values.list("log-outputs"), ["stderr"]);
    equal(values.featureGates, "InitialCorruptCheck=true");
    equal(values.text("cert-file"), "/c");
    equal(values.bool("client-cert-auth"), true);
    equal(values.bool("peer-client-cert-auth"), false);
    equal(values.text("peer-trusted-ca-file"), "/ca");
    equal(values.bool("peer-auto-tls"), true);
    deepEqual(values.list("peer-cert-allowed-cn"), ["a"]);
  });

  it("leaves aside flags and variables, and says which", () => {
    const outcome = fromFile("name: m1\nbogus: 1\n", ["--name=m2"], { ETCD_DATA_DIR: "d" });
    equal(valuesOf(outcome).text("name"), "m1");
    const [first, second] = noticesOf(outcome);
    deepEqual(first?.[1], { path, ignored: ["--name", "ETCD_DATA_DIR"] });
    deepEqual(second?.[1], { path, keys: ["bogus"] });
  });

  for (const text of ["a: [1", "- a", "heartbeat-interval: x", "name: {}", "log-level: loud"]) {
    it(`refuses ${JSON.stringify(text)}`, () => equal(fromFile(text).kind, "refused"));
  }
});

describe("settings", () => {
  const noTls = { clients: undefined, peers: undefined };

  it("are etcd's where nothing is set", () => {
    const { name, initialCluster, listenPeerUrl, heartbeatMs } = memberOptions(read([]), noTls);
    deepEqual([name, heartbeatMs, listenPeerUrl], ["default", 100, ["http://127.0.0.1:2380"]]);
    deepEqual(initialCluster, [{ name: "default", peerUrl: "http://localhost:2380" }]);
    const { listen, versions, compactHashCheckMs, learnersMax } = serveOptions(read([]), noTls);
    deepEqual(listen, [{ host: "127.0.0.1", port: 2379, serves: "all" }]);
    deepEqual([versions?.server, compactHashCheckMs, learnersMax], ["3.7.1", 60_000, undefined]);
  });

  it("give HTTP and metrics addresses of their own", () => {
    const urls = [
      "--listen-client-urls=http://127.0.0.1:1",
      "--advertise-client-urls=http://127.0.0.1:1",
    ];
    const more = [
      "--listen-client-http-urls=http://127.0.0.1:2",
      "--listen-metrics-urls=http://[::1]:3",
    ];
    const { listen = [] } = serveOptions(
      read([...urls, ...more, "--listen-peer-urls=unix://a/b"]),
      noTls,
    );
    deepEqual(
      listen.map(({ host, port, serves }) => `${host} ${port} ${serves}`),
      ["127.0.0.1 1 grpc", "127.0.0.1 2 http", "::1 3 metrics"],
    );
  });

  it("can be made from every flag", () => {
    for (const flag of [...flags.keys(), ...oldNames.keys()]) ok(!flag.includes("_"), flag);
  });
});

describe("FLAGS.md", () => {
  it("says of each flag what becomes of it", () => {
    const path = new URL("../../../FLAGS.md", import.meta.url);
    const text = `# Flags of \`flotilla member\`\n\nMade from \`src/member/flags.ts\`; UPDATE=1 makes it anew.\n\n${flagsTable()}`;
    if (process.env["UPDATE"] === "1") writeFileSync(path, text);
    equal(readFileSync(path, "utf8"), text);
  });
});
