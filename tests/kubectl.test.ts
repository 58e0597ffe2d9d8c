import { equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { needs, output, run, TestCluster, until } from "./harness/index.ts";

describe("kubectl", needs("kubectl"), () => {
  const cluster = TestCluster.create();
  let manifest = "";
  before(async () => {
    manifest = await cluster.shopManifest();
    await cluster.up("--apply", manifest);
  });
  after(() => cluster.close());

  const options = () => [
    ...["--kubeconfig", cluster.record.kubeconfig],
    ...["--cache-dir", join(cluster.dataDir, "kubectl-cache")],
  ];
  const kubectl = (...args: string[]) => output("kubectl", [...options(), ...args]);
  const refused = async (text: string) => {
    const file = join(cluster.dataDir, "wrong.yaml");
    writeFileSync(file, text);
    const done = await run("kubectl", [...options(), "apply", "-f", file]);
    equal(done.code, 1, done.stdout);
    return done.stderr;
  };

  it("gets nodes, deployments, replica sets, pods and services, wide", async () => {
    const text = await kubectl("get", "nodes,deploy,rs,pods,svc", "-o", "wide");
    match(text, /NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP/);
    match(text, /node\/n1 +Ready/);
    match(text, /deployment.apps\/web +3\/3 +3 +3/);
    match(text, /replicaset.apps\/web-[a-z0-9]+ +3 +3 +3/);
    match(text, /pod\/web-[a-z0-9]+-[a-z0-9]+ +1\/1 +Running +0/);
    match(text, /service\/shop +LoadBalancer +10\.96\.\d+\.\d+ +127\.0\.0\.1/);
  });

  it("applies: unchanged, configured, created", async () => {
    match(await kubectl("apply", "-f", manifest), /deployment.apps\/web unchanged/);
    const two = readFileSync(manifest, "utf8").replace("replicas: 3", "replicas: 2");
    const file = join(cluster.dataDir, "two.yaml");
    writeFileSync(file, two);
    match(await kubectl("apply", "-f", file), /deployment.apps\/web configured/);
    await kubectl("rollout", "status", "deployment/web", "--timeout=30s");
    await until("two web pods", 20_000, async () => (await cluster.readyPods("web")).length === 2);
    const extra = join(cluster.dataDir, "extra.yaml");
    writeFileSync(
      extra,
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n",
    );
    match(await kubectl("apply", "-f", extra), /configmap\/extra created/);
  });

  it("scales, and waits for the rollout", async () => {
    match(await kubectl("scale", "deployment/web", "--replicas=3"), /deployment.apps\/web scaled/);
    match(
      await kubectl("rollout", "status", "deployment/web", "--timeout=30s"),
      /successfully rolled out/,
    );
    equal((await cluster.readyPods("web")).length, 3);
  });

  it("deletes a pod, and another takes its place", async () => {
    const [victim] = await cluster.readyPods("web");
    match(await kubectl("delete", "pod", victim?.name ?? ""), /deleted/);
    await until("three others", 20_000, async () => {
      const pods = await cluster.readyPods("web");
      return pods.length === 3 && pods.every(({ name }) => name !== victim?.name);
    });
  });

  it("describes", async () => {
    const [pod] = await cluster.readyPods("web");
    const text = await kubectl("describe", "pod", pod?.name ?? "");
    match(text, /Ready: +True/);
    match(text, /Scheduled.*Successfully assigned default\/web-/);
    match(
      await kubectl("describe", "deployment", "web"),
      /3 desired \| 3 updated \| 3 total \| 3 available/,
    );
    match(await kubectl("describe", "node", "n1"), /Ready +True/);
    match(await kubectl("describe", "service", "shop"), /Endpoints: +127\.0\.0\.1:\d+/);
  });

  it("watches with get -w", async () => {
    const watch = spawn("kubectl", [...options(), "get", "configmaps", "-w"]);
    let printed = "";
    watch.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    try {
      await kubectl("create", "configmap", "listed", "--from-literal=x=y");
      await until("the first", 10_000, () => printed.includes("listed"));
      await kubectl("create", "configmap", "watched", "--from-literal=x=y");
      await until("the new one", 10_000, () => /watched +1/.test(printed));
    } finally {
      watch.kill();
    }
  });

  it("prints yaml that can be applied again", async () => {
    const yaml = await kubectl("get", "deployment", "web", "-o", "yaml");
    match(yaml, /kind: Deployment/);
    match(yaml, /observedGeneration: \d+/);
    const file = join(cluster.dataDir, "again.yaml");
    writeFileSync(file, yaml);
    match(await kubectl("apply", "-f", file), /deployment.apps\/web/);
  });

  it("restarts a deployment without losing a replica", async () => {
    await kubectl("rollout", "restart", "deployment/web");
    match(
      await kubectl("rollout", "status", "deployment/web", "--timeout=60s"),
      /successfully rolled out/,
    );
    match(await kubectl("rollout", "history", "deployment/web"), /REVISION/);
  });

  it("is refused a manifest with an unknown field, a wrong type or no image, with the field's path", async () => {
    const deployment = (spec: string, container: string) =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wrong}\nspec:\n  ${spec}\n  selector: {matchLabels: {app: wrong}}\n  template:\n    metadata: {labels: {app: wrong}}\n    spec:\n      containers:\n      - {name: c${container}}\n`;
    match(await refused(deployment("replcas: 3", ", image: host")), /unknown field "spec.replcas"/);
    match(await refused(deployment('replicas: "three"', ", image: host")), /spec\.replicas/);
    match(
      await refused(deployment("replicas: 1", "")),
      /spec\.template\.spec\.containers\[0\]\.image: Required value/,
    );
  });

  it("deletes a deployment with everything that belongs to it", async () => {
    const file = join(cluster.dataDir, "gone.yaml");
    writeFileSync(
      file,
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gone}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: gone}}\n  template:\n    metadata: {labels: {app: gone}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n      - {name: c, image: host, command: [sleep, '600']}\n",
    );
    await kubectl("apply", "-f", file);
    await kubectl("rollout", "status", "deployment/gone", "--timeout=30s");
    await kubectl("delete", "deployment", "gone");
    await until(
      "no pod of it",
      20_000,
      async () =>
        !(await kubectl("get", "pods,rs", "-l", "app=gone", "-o", "name")).includes("gone"),
    );
    ok(!(await kubectl("get", "deploy", "-o", "name")).includes("gone"));
  });
});
