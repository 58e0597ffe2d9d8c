// The command as a user meets it: what it prints and how it ends, without a cluster.
import { equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/flotilla.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flotilla-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function flotilla(...args: string[]) {
  const { KUBECONFIG: _, ...env } = process.env;
  const done = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    cwd: folder,
    env,
    timeout: 20_000,
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("flotilla", () => {
  it("shows help with examples for every command, with exit code 0", () => {
    for (const command of ["up", "down", "status", "chaos", "member", "node", "get", "put"]) {
      const { code, stdout } = flotilla(command, "--help");
      equal(code, 0, command);
      match(stdout, /Examples:\n {2}flotilla /, command);
    }
  });

  it("ends with 128 on wrong arguments and suggests what was meant", () => {
    const typo = flotilla("stauts");
    equal(typo.code, 128);
    match(typo.stderr, /unknown command 'stauts'/);
    match(typo.stderr, /status/);
    equal(flotilla("up", "--members", "three").code, 128);
    equal(flotilla("up", "--members", "0").code, 128);
    equal(flotilla("get").code, 128);
  });

  it("says how to get a cluster when there is none, with exit code 6", () => {
    for (const args of [["status"], ["down"], ["chaos", "power-off", "n1"]]) {
      const { code, stderr } = flotilla(...args);
      equal(code, 6, args.join(" "));
      match(
        stderr,
        /There is no cluster in .*\.flotilla: cluster\.json is missing\nStart one with `flotilla up`/,
      );
    }
  });

  it("ends with 2 when no member answers, says of each why, and what to do next", () => {
    const hint = /\nIs --endpoints right, and does a member run there\?/;
    const { code, stderr } = flotilla("put", "a", "b", "--endpoints", "127.0.0.1:1");
    equal(code, 2);
    match(stderr, /^Error: http:\/\/127\.0\.0\.1:1 did not answer: connect ECONNREFUSED/);
    match(stderr, hint);
    for (const args of [
      ["get", "a"],
      ["member", "list"],
    ]) {
      const several = flotilla(...args, "--endpoints", "127.0.0.1:1,127.0.0.1:2");
      equal(several.code, 2);
      match(
        several.stderr,
        /^Error: None of these members could do it:\n.*:1 did not answer: .*\n.*:2 did not/,
      );
      match(several.stderr, hint);
    }
    equal(flotilla("get", "a", "--endpoints", "nonsense:x").code, 128);
  });

  it("refuses a manifest before anything starts, with exit code 3 and the file's name", () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [join(folder, "absent.yaml"), /Cannot read manifest .*absent\.yaml/],
      [file("broken.yaml", "a: [1\n"), /Cannot parse manifest .*broken\.yaml: .*line 2/s],
      [
        file("kind.yaml", "apiVersion: v1\nkind: Pood\nmetadata: {name: x}\n"),
        /no resource is known for kind "Pood"/,
      ],
      [file("nameless.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {}\n"), /has no metadata\.name/],
      [file("text.yaml", "hello\n"), /no resource is known for kind undefined/],
    ];
    for (const [path, message] of cases) {
      const { code, stderr } = flotilla("up", "--detach", "--no-example", "--apply", path);
      equal(code, 3, stderr);
      match(stderr, message);
    }
  });

  it("wants certificates for https", () => {
    const { code, stderr } = flotilla("node", "--server", "https://127.0.0.1:1", "--name", "n1");
    equal(code, 128);
    match(stderr, /https needs certificates/);
  });

  it("reads the flags of a member as etcd does, with etcd's exit codes", () => {
    equal(flotilla("member", "-version").stdout.split("\n")[0], "etcd Version: 3.7.1");
    match(flotilla("member", "--name", "a", "-h").stdout, /--data-dir/);
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["--bogus"], 2, /^flag provided but not defined: -bogus\n/],
      [["--name"], 2, /^flag needs an argument: -name\n/],
      [["--pre-vote", "false"], 1, /"error":"\\"false\\" is not a valid flag"/],
      [["--config-file", "nowhere.yaml"], 1, /"open nowhere.yaml: no such file or directory"/],
      [["--discovery", "http://a:1"], 1, /--discovery cannot be used/],
      [["--listen-peer-urls", "http://example.com:1"], 1, /expected IP in URL for binding/],
      [["--listen-peer-urls", "https://127.0.0.1:1"], 1, /KeyFile and CertFile are not presented/],
      [["--log-format", "x"], 1, /unknown log format: x, supported values json, console/],
    ];
    for (const [args, code, text] of cases) {
      const done = flotilla("member", ...args);
      match(done.stderr, text, args.join(" "));
      equal(done.code, code, args.join(" "));
    }
  });

  it("keeps the server and the verbs of `member` apart", () => {
    const typo = flotilla("member", "lst");
    equal(typo.code, 128);
    match(typo.stderr, /unknown command 'lst' for flotilla member\nThere are: list, add, /);
    // --data-dir behind a verb is the verb's own.
    const recover = flotilla("member", "recover", "--data-dir", "nowhere", "--yes");
    equal(recover.code, 1);
    match(recover.stderr, /nowhere/);
    for (const verb of ["list", "weight"]) {
      match(flotilla("member", verb, "--help").stdout, /Examples:\n {2}flotilla member /, verb);
    }
  });

  it("refuses verbs of `member` that make no sense, before it asks anybody", () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["list"], /No endpoint: there is no cluster in/],
      [["add", "m4"], /--peer-urls/],
      [
        ["add", "m4", "--peer-urls", "http://h:1", "--learner", "--witness"],
        /A learner has no votes/,
      ],
      [["add", "m4", "--peer-urls", "http://h:1", "--votes", "0"], /whole number from 1/],
      [
        ["add", "m4", "--peer-urls", "bad", "--endpoints", "127.0.0.1:1"],
        /Cannot use peer URL "bad": it must be http:/,
      ],
      [["weight", "m1=3"], /No votes are given for m1=3\nName members and votes in turn/],
      [["weight", "m1", "0"], /from 1 to 1000000, got "0" for m1\n`flotilla member remove m1`/],
      [["weight", "m1", "x"], /got "x" for m1\nName members and votes in turn/],
      [["prefer", "--endpoints", "127.0.0.1:1", "--bogus"], /unknown option '--bogus'/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = flotilla("member", ...args);
      equal(code, 128, args.join(" "));
      match(stderr, message);
    }
  });
});
