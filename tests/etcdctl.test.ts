import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { needs, output, run, TestCluster, until } from "./harness/index.ts";

describe("etcdctl against each member", needs("etcdctl"), () => {
  const cluster = TestCluster.create();
  before(async () => {
    await cluster.up("--apply", await cluster.shopManifest());
  });
  after(() => cluster.close());

  const env = { ETCDCTL_API: "3" };
  const endpoint = (name: string) => new URL(cluster.member(name).clientUrl).host;
  const etcdctl = (name: string, ...args: string[]) =>
    output("etcdctl", ["--endpoints", endpoint(name), ...args], { env });

  for (const name of ["m1", "m2", "m3"]) {
    it(`puts, gets and deletes (${name})`, async () => {
      equal(await etcdctl(name, "put", `${name}/a`, "one"), "OK\n");
      equal(await etcdctl(name, "put", `${name}/b`, "two"), "OK\n");
      equal(await etcdctl(name, "get", `${name}/`, "--prefix"), `${name}/a\none\n${name}/b\ntwo\n`);
      equal(await etcdctl(name, "get", `${name}/a`, "--print-value-only"), "one\n");
      equal(await etcdctl(name, "del", `${name}/`, "--prefix"), "2\n");
      equal(await etcdctl(name, "get", `${name}/a`), "");
    });

    it(`runs a transaction (${name})`, async () => {
      await etcdctl(name, "put", `${name}/t`, "1");
      const txn = `value("${name}/t") = "1"\n\nput ${name}/t 2\nget ${name}/t\n\nget ${name}/t\n\n`;
      const printed = await output("etcdctl", ["--endpoints", endpoint(name), "txn"], {
        env,
        input: txn,
      });
      match(printed, /^SUCCESS\n\nOK\n\n.*\/t\n2\n$/);
    });

    it(`watches from a revision (${name})`, async () => {
      const status = JSON.parse(await etcdctl(name, "endpoint", "status", "-w", "json"));
      const revision = status[0].Status.header.revision as number;
      await etcdctl(name, "put", `${name}/w`, "seen");
      await etcdctl(name, "del", `${name}/w`);
      const watch = spawn(
        "etcdctl",
        ["--endpoints", endpoint(name), "watch", `${name}/w`, "--rev", String(revision)],
        {
          env: { ...process.env, ...env },
        },
      );
      let printed = "";
      watch.stdout.on("data", (chunk) => {
        printed += chunk;
      });
      try {
        await until("both events", 10_000, () => printed.includes("DELETE"));
      } finally {
        watch.kill();
      }
      equal(printed, `PUT\n${name}/w\nseen\nDELETE\n${name}/w\n\n`);
    });

    it(`grants, uses, renews and revokes a lease (${name})`, async () => {
      const granted = await etcdctl(name, "lease", "grant", "60");
      const id = /lease ([0-9a-f]+) granted with TTL\(60s\)/.exec(granted)?.[1] ?? "";
      ok(id !== "", granted);
      await etcdctl(name, "put", `${name}/l`, "leased", "--lease", id);
      match(await etcdctl(name, "lease", "keep-alive", "--once", id), /keepalived with TTL\(60\)/);
      match(
        await etcdctl(name, "lease", "timetolive", id, "--keys"),
        new RegExp(
          `granted with TTL\\(60s\\), remaining\\(\\d+s\\), attached keys\\(\\[${name}/l\\]\\)`,
        ),
      );
      match(await etcdctl(name, "lease", "list"), new RegExp(id));
      equal(await etcdctl(name, "lease", "revoke", id), `lease ${id} revoked\n`);
      equal(await etcdctl(name, "get", `${name}/l`), "");
    });

    it(`lists the members and its own status (${name})`, async () => {
      const { members } = JSON.parse(await etcdctl(name, "member", "list", "-w", "json"));
      deepEqual(members.map((member: { name: string }) => member.name).toSorted(), [
        "m1",
        "m2",
        "m3",
      ]);
      match(
        await etcdctl(name, "endpoint", "status"),
        new RegExp(`^${endpoint(name)}, [0-9a-f]+, \\d+\\.\\d+\\.\\d+, `),
      );
      match(
        (await run("etcdctl", ["--endpoints", endpoint(name), "endpoint", "health"], { env }))
          .stderr + (await etcdctl(name, "endpoint", "health")),
        /is healthy/,
      );
    });

    it(`shows the cluster's objects under /registry (${name})`, async () => {
      const keys = (await etcdctl(name, "get", "/registry", "--prefix", "--keys-only")).split("\n");
      ok(keys.includes("/registry/deployments/default/web"), keys.join(" "));
      ok(keys.includes("/registry/services/specs/default/shop"));
      ok(keys.some((key) => key.startsWith("/registry/pods/default/web-")));
      ok(keys.includes("/registry/minions/n1"));
    });
  }
});
