/** A watch of etcdctl, which asks for a leader, over a restart of the whole cluster. */
import { equal, ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { needs, until } from "./harness/index.ts";
import { MemberProcesses } from "./harness/member-processes.ts";

const names = ["m1", "m2", "m3"] as const;

describe("a watch of etcdctl at one member", needs("etcdctl"), () => {
  const members = new MemberProcesses();
  let watch: ChildProcess;
  let said = "";
  before(async () => {
    await members.found(...names);
    watch = spawn("etcdctl", ["--endpoints", members.clientUrl("m2"), "watch", "k"]);
    for (const stream of [watch.stdout, watch.stderr]) {
      stream?.on("data", (chunk) => {
        said += chunk;
      });
    }
    await until("a watch", 10_000, () => watchStreams(members.clientUrl("m2")));
  });
  after(async () => {
    watch.kill("SIGKILL");
    await members.close();
  });

  it("goes on when its member was alone for a while after a restart of all", async () => {
    await Promise.all(names.map((name) => members.kill(name)));
    members.start("m2");
    await until("the watch, begun anew", 20_000, () => watchStreams(members.clientUrl("m2")));
    members.start("m1");
    members.start("m3");
    await members.leader();
    equal((await members.put("k", "after")).code, 0);
    await until("the event", 20_000, () => said !== "" || watch.exitCode !== null);
    ok(said.startsWith("PUT\nk\nafter\n"), said);
  });
});

/** Whether the member at `url` has been asked for a watch since its start. */
async function watchStreams(url: string): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return /^grpc_server_started_total\{.*grpc_method="Watch".*\} [1-9]/m.test(text);
}
