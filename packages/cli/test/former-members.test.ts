import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  type ClusterFile,
  findClusterFile,
  isDown,
  writeClusterFile,
} from "../src/cluster/cluster-file.ts";
import {
  forgetWiped,
  formerText,
  leaveOut,
  recoverLocally,
  retire,
} from "../src/cluster/former-members.ts";
import { memberArguments } from "../src/cluster/plan.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "flotilla-former-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function cluster(...names: string[]): ClusterFile {
  const members = names.map((name, at) => {
    const dataDir = join(home, name);
    mkdirSync(dataDir);
    const [clientUrl, peerUrl] = [2379, 2380].map((port) => `http://127.0.0.1:${port + 2 * at}`);
    return {
      name,
      pid: 0,
      clientUrl: clientUrl ?? "",
      peerUrl: peerUrl ?? "",
      apiUrl: "",
      dataDir,
    };
  });
  return { members, nodes: [], apiUrl: "", kubeconfig: "", entry: "", dashboard: "" };
}
const names = (members: readonly { readonly name: string }[] = []) => members.map((m) => m.name);

describe("after a forced recovery", () => {
  it("`up` starts only the survivor, and is told what to do with the others", () => {
    writeClusterFile(home, cluster("m1", "m2", "m3"));
    const text = recoverLocally(join(home, "m2")) ?? "";
    match(text, /^Recovered: `flotilla up --data-dir .*` starts m2, and it leads alone\.$/m);
    match(text, /^`flotilla up` does not start m1 and m3: the cluster goes on without them/m);
    match(
      text,
      /delete its data \(.*m1, .*m3\), and add it anew: `flotilla member add m1 --peer-urls http:\/\/127\.0\.0\.1:2380 --data-dir /,
    );
    const after = findClusterFile(home);
    deepEqual([names(after?.members), names(after?.former)], [["m2"], ["m1", "m3"]]);
  });

  it("of another member than before, they change places", () => {
    writeClusterFile(home, cluster("m1", "m2", "m3"));
    recoverLocally(join(home, "m2"));
    recoverLocally(join(home, "m3"));
    const after = findClusterFile(home);
    deepEqual([names(after?.members), names(after?.former)], [["m3"], ["m2", "m1"]]);
  });

  it("nothing is said of a member that `up` has not started", () => {
    equal(recoverLocally(join(home, "m1")), undefined);
    writeClusterFile(home, cluster("m1"));
    equal(recoverLocally(join(home, "elsewhere")), undefined);
  });
});

describe("a member that is none any more", () => {
  it("stays in --initial-cluster, on which the identity of the others hangs", () => {
    const keys = { cert: "", key: "", ca: "" };
    const initialCluster = (file: ClusterFile): string => {
      const [member] = file.members;
      ok(member !== undefined);
      const args = memberArguments(file, member, keys);
      return args[args.indexOf("--initial-cluster") + 1] ?? "";
    };
    const three = cluster("m1", "m2", "m3");
    const before = initialCluster(three);
    leaveOut(three, three.members.slice(2));
    deepEqual(names(three.members), ["m1", "m2"]);
    equal(initialCluster(three), before);
    writeClusterFile(home, three);
    recoverLocally(join(home, "m1"));
    const after = findClusterFile(home);
    deepEqual(names(after?.members), ["m1"]);
    equal(after && initialCluster(after), before);
  });

  it("is forgotten once its data is deleted", () => {
    const three = cluster("m1", "m2", "m3");
    retire(three, three.members.slice(1));
    forgetWiped(three);
    deepEqual(names(three.former), ["m2", "m3"]);
    rmSync(join(home, "m2"), { recursive: true });
    forgetWiped(three);
    deepEqual(names(three.former), ["m3"]);
    match(formerText(three, home), /does not start m3: the cluster goes on without it,/);
    rmSync(join(home, "m3"), { recursive: true });
    forgetWiped(three);
    equal("former" in three, false);
    equal(formerText(three, home), "");
  });
});

describe("isDown()", () => {
  it("tells a cluster that was taken down from one whose processes died", () => {
    const one = cluster("m1");
    equal(isDown(one), true);
    equal(isDown(undefined), true);
    for (const member of one.members) member.pid = 4_000_000;
    equal(isDown(one), false);
  });
});
