import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Prng } from "@flotilla/base";
import {
  conditionOf,
  configMaps,
  endpointSlices,
  events,
  leases,
  nodes,
  type Pod,
  podIsReady,
  pods,
  services,
} from "@flotilla/objects";
import { type Agent, type AgentOptions, startAgent } from "../src/agent.ts";
import { portsAnnotation } from "../src/pods/pod-status.ts";
import { workloadProcesses } from "../src/runtimes/workload-processes.ts";
import { FakeApi, podOf, recordingLogger, temporaryDirectory, until } from "./fixtures.ts";

/** Prints what it was started with and stays. */
const printEnvironment = ["sh", "-c", "env; exec sleep 1000"];
const stay = ["sleep", "1000"];

/** An agent of node n1 over an API in memory; everything it has started ends with the test. */
async function nodeOf(t: TestContext, more: Partial<AgentOptions> = {}) {
  const api = new FakeApi();
  const dataDir = temporaryDirectory();
  const logger = recordingLogger();
  const agents = new Set<Agent>();
  const start = async () => {
    const agent = await startAgent({
      nodeName: "n1",
      client: api,
      dataDir,
      volumeRoot: join(dataDir, "disk"),
      random: new Prng(process.pid),
      logger,
      ...more,
    });
    agents.add(agent);
    return agent;
  };
  const stop = async (agent: Agent, workloads: "leave" | "stop" = "leave") => {
    agents.delete(agent);
    await agent.stop(workloads);
  };
  t.after(async () => {
    api.setDown(false);
    if (agents.size === 0) await start();
    for (const agent of agents) await agent.stop("stop");
  });
  const agent = await start();
  const find = (name: string) => api.find(pods, `default/${name}`);
  const main = (name: string) => find(name)?.status?.containerStatuses?.[0];
  return {
    api,
    dataDir,
    logger,
    agent,
    start,
    stop,
    find,
    main,
    run: (pod: Pod) => api.put(pods, pod),
    ready: (name: string, what = `pod ${name} to be ready`) =>
      until(what, () => {
        const pod = find(name);
        return pod !== undefined && podIsReady(pod) && pod;
      }),
    /** pid of the present process of a pod, once it is written down. */
    pidOf: (name: string) =>
      until("its pid", (): number | undefined => {
        const record = recordOf(dataDir, `${name}-uid`);
        return record.containers.main.state.process?.pid;
      }),
    logOf: (name: string, attempt = 0) =>
      readFileSync(join(dataDir, "pods", `${name}-uid`, "main", `${attempt}.log`), "utf8"),
  };
}

function recordOf(dataDir: string, uid: string) {
  return JSON.parse(readFileSync(join(dataDir, "pods", uid, "pod.json"), "utf8"));
}

function runs(pid: number): boolean {
  return (
    existsSync(`/proc/${pid}/exe`) && readdirSync(`/proc/${pid}/task`).length > 0 && !isZombie(pid)
  );
}

function isZombie(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
}

describe("an agent", () => {
  it("registers its node and keeps its lease", async (t) => {
    const { api } = await nodeOf(t, { labels: { zone: "a" } });
    await until("the lease", () => api.find(leases, "kube-node-lease/n1"));
    const node = await until("the node to be ready", () => {
      const found = api.find(nodes, "n1");
      return found !== undefined && conditionOf(found, "Ready")?.status === "True" && found;
    });
    equal(node.metadata.labels?.["zone"], "a");
  });

  it("runs a pod, and says so", async (t) => {
    const { api, run, ready, logOf } = await nodeOf(t);
    run(
      podOf("web", { command: printEnvironment, ports: [{ name: "http", containerPort: 8080 }] }),
    );
    const pod = await ready("web");
    equal(pod.status?.phase, "Running");
    equal(pod.status?.podIP, "127.0.0.1");
    const ports = JSON.parse(pod.metadata.annotations?.[portsAnnotation] ?? "{}");
    const output = await until("its output", () => logOf("web").includes("PORT=") && logOf("web"));
    for (const line of [
      "FLOTILLA_NODE=n1",
      "FLOTILLA_NAMESPACE=default",
      "FLOTILLA_POD=web",
      `PORT=${ports["8080"]}`,
      `PORT_HTTP=${ports["8080"]}`,
    ]) {
      ok(output.split("\n").includes(line), line);
    }
    await until("the event", () => api.all(events).some(({ reason }) => reason === "Started"));
  });

  it("leaves pods of other nodes alone", async (t) => {
    const { run, ready, find, dataDir } = await nodeOf(t);
    run(podOf("theirs", { command: stay }, { nodeName: "n2" }));
    run(podOf("ours", { command: stay }));
    await ready("ours");
    equal(find("theirs")?.status, undefined);
    deepEqual(readdirSync(join(dataDir, "pods")), ["ours-uid"]);
  });

  it("restarts a killed process at once, on the same port, and backs off the second time", async (t) => {
    const { api, run, ready, main, pidOf, find, dataDir } = await nodeOf(t);
    run(podOf("web", { command: stay, ports: [{ containerPort: 8080 }] }));
    const before = await ready("web");
    const startedMs = performance.now();
    process.kill(await pidOf("web"), "SIGKILL");
    await until("the restart", () => main("web")?.restartCount === 1 && main("web")?.ready);
    ok(performance.now() - startedMs < 2_000, "replaced within 2 s");
    equal(main("web")?.lastState?.terminated?.exitCode, 137);
    const annotation = find("web")?.metadata.annotations?.[portsAnnotation];
    equal(annotation, before.metadata.annotations?.[portsAnnotation]);
    process.kill(await pidOf("web"), "SIGKILL");
    await until("the back-off", () => main("web")?.state?.waiting?.reason === "CrashLoopBackOff");
    equal(podIsReady(find("web")!), false);
    const logs = readdirSync(join(dataDir, "pods/web-uid/main")).sort();
    deepEqual(logs, ["0.log", "1.log"], "it is not started a third time yet");
    match(
      main("web")?.state?.waiting?.message ?? "",
      /^back-off 10s restarting failed container=main/,
    );
    await until("the event", () => api.all(events).some(({ reason }) => reason === "BackOff"));
  });

  it("stops a deleted pod gracefully, then removes it", async (t) => {
    const { run, ready, find, pidOf, dataDir } = await nodeOf(t);
    const marker = join(dataDir, "stopped");
    const script = `trap 'echo yes > ${marker}; exit 0' TERM; echo ready; while :; do sleep 0.05; done`;
    const pod = run(podOf("web", { command: ["sh", "-c", script] }));
    await ready("web");
    const pid = await pidOf("web");
    ok(workloadProcesses(dataDir).includes(pid), "seen from outside");
    await until("its trap to be set", () =>
      readFileSync(join(dataDir, "pods/web-uid/main/0.log"), "utf8").includes("ready"),
    );
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const { metadata } = find("web")!;
    run({
      ...pod,
      metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 30 },
    });
    await until("the pod to be gone", () => find("web") === undefined);
    equal(readFileSync(marker, "utf8"), "yes\n");
    equal(runs(pid), false);
    deepEqual(workloadProcesses(dataDir), []);
    await until("its directory to be gone", () => !existsSync(join(dataDir, "pods/web-uid")));
  });

  it("kills a pod that ignores SIGTERM when its grace is over", async (t) => {
    const { run, ready, find } = await nodeOf(t);
    const script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    const pod = run(podOf("deaf", { command: ["sh", "-c", script] }));
    const { metadata } = await ready("deaf");
    const deletion = { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 1 };
    run({ ...pod, metadata: { ...metadata, ...deletion } });
    await until("the pod to be gone", () => find("deaf") === undefined);
  });

  it("stops a pod that vanished from the API", async (t) => {
    const { api, run, ready, pidOf, dataDir } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    await ready("web");
    const pid = await pidOf("web");
    api.drop(pods, "default/web");
    await until("its process to end", () => !runs(pid));
    await until("its directory to be gone", () => !existsSync(join(dataDir, "pods/web-uid")));
  });

  it("does not start a pod again that a lagging watch still tells of", async (t) => {
    const { api, run, ready, dataDir } = await nodeOf(t);
    const late = run(podOf("web", { command: stay }));
    await ready("web");
    api.drop(pods, "default/web");
    await until("its directory to be gone", () => !existsSync(join(dataDir, "pods/web-uid")));
    api.put(pods, late);
    run(podOf("next", { command: stay }));
    await ready("next"); // The news of it came after that of the first one.
    equal(workloadProcesses(dataDir).length, 1);
  });

  it("says that its pods are not ready when it stops with them", async (t) => {
    const { agent, stop, run, ready, find } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    await ready("web");
    await stop(agent, "stop");
    const stopped = find("web");
    ok(stopped !== undefined && !podIsReady(stopped), JSON.stringify(stopped?.status));
  });

  it("ends a pod that is not to be restarted", async (t) => {
    const { run, find } = await nodeOf(t);
    run(podOf("good", { command: ["true"] }, { restartPolicy: "Never" }));
    run(podOf("bad", { command: ["sh", "-c", "exit 3"] }, { restartPolicy: "Never" }));
    await until("success", () => find("good")?.status?.phase === "Succeeded");
    await until("failure", () => find("bad")?.status?.phase === "Failed");
    equal(find("bad")?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
  });

  it("runs init containers in order, then the pod", async (t) => {
    const { run, ready, dataDir } = await nodeOf(t);
    const out = join(dataDir, "order");
    const say = (name: string) => ({
      name,
      image: "host",
      command: ["sh", "-c", `echo ${name} >> ${out}`],
    });
    const command = ["sh", "-c", `echo main >> ${out}; exec sleep 1000`];
    run(podOf("web", { command }, { initContainers: [say("first"), say("second")] }));
    const pod = await ready("web");
    await until("all output", () => readFileSync(out, "utf8") === "first\nsecond\nmain\n");
    equal(conditionOf(pod, "Initialized")?.status, "True");
    deepEqual(
      pod.status?.initContainerStatuses?.map(({ state }) => state?.terminated?.reason),
      ["Completed", "Completed"],
    );
  });

  it("says why a container cannot run", async (t) => {
    const { run, main } = await nodeOf(t);
    run(podOf("image", { image: "nginx", command: stay }));
    run(podOf("program", { command: ["/no/such/program"] }));
    run(podOf("nothing", {}));
    const env = [{ name: "X", valueFrom: { configMapKeyRef: { name: "no", key: "k" } } }];
    run(podOf("config", { command: stay, env }));
    const reason = (name: string) => main(name)?.state?.waiting?.reason;
    await until("the image", () => reason("image") === "ErrImagePull");
    match(main("image")?.state?.waiting?.message ?? "", /runs only image: host/);
    await until(
      "the program",
      () => main("program")?.lastState?.terminated?.reason === "StartError",
    );
    await until("the command", () => reason("nothing") === "CreateContainerConfigError");
    await until("the config map", () => reason("config") === "CreateContainerConfigError");
  });

  it("gives volumes as directories of the host", async (t) => {
    const { api, run, ready, logOf, dataDir } = await nodeOf(t);
    api.put(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace: "default" },
      data: { "app.conf": "a=1\n" },
    });
    const mount = (name: string) => ({ name, mountPath: `/${name}` });
    const script =
      "cat $FLOTILLA_VOLUME_CONF/app.conf; echo x > $FLOTILLA_VOLUME_DATA/f; echo y > $FLOTILLA_VOLUME_TEMP/f; exec sleep 1000";
    run(
      podOf(
        "web",
        {
          command: ["sh", "-c", script],
          volumeMounts: ["conf", "data", "temp"].map(mount),
        },
        {
          volumes: [
            { name: "conf", configMap: { name: "settings" } },
            { name: "data", hostPath: { path: "/../../shop/db", type: "DirectoryOrCreate" } },
            { name: "temp", emptyDir: {} },
          ],
        },
      ),
    );
    await ready("web");
    await until("its output", () => logOf("web") === "a=1\n");
    await until("its files", () => existsSync(join(dataDir, "pods/web-uid/volumes/temp/f")));
    equal(readFileSync(join(dataDir, "disk/shop/db/f"), "utf8"), "x\n", "inside the volume root");
  });

  it("probes readiness at once, and restarts what is not alive", async (t) => {
    const { api, run, find, main, dataDir } = await nodeOf(t);
    const file = (name: string) => join(dataDir, name);
    const test = (name: string) => ({ exec: { command: ["test", "-e", file(name)] } });
    writeFileSync(file("alive"), "");
    run(
      podOf("web", {
        command: stay,
        readinessProbe: { ...test("ready"), periodSeconds: 10 },
        livenessProbe: { ...test("alive"), periodSeconds: 1, failureThreshold: 1 },
      }),
    );
    await until("it to run", () => find("web")?.status?.phase === "Running");
    equal(podIsReady(find("web")!), false);
    writeFileSync(file("ready"), "");
    await until("it to be ready", () => podIsReady(find("web")!), 5_000);
    rmSync(file("alive"));
    await until("the restart", () => main("web")?.restartCount === 1);
    writeFileSync(file("alive"), "");
    ok(
      api
        .all(events)
        .some(({ reason, message }) => reason === "Unhealthy" && /Liveness/.test(message ?? "")),
    );
  });

  it("says again that a pod is ready when the control plane thought otherwise", async (t) => {
    const { run, ready, find } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    const pod = await ready("web");
    const conditions = pod.status!.conditions!.map((condition) =>
      condition.type === "Ready" ? { ...condition, status: "False" as const } : condition,
    );
    run({ ...find("web")!, status: { ...pod.status, conditions } });
    await ready("web", "the pod to be ready again");
  });
});

describe("an agent's services", () => {
  const db = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "db", namespace: "default" },
    spec: { ports: [{ port: 7000 }] },
  };

  it("are in the environment of a pod that comes with them", async (t) => {
    const { api, run, ready, logOf } = await nodeOf(t);
    api.put(services, db);
    run(podOf("web", { command: printEnvironment }));
    await ready("web");
    const output = await until(
      "its output",
      () => logOf("web").includes("DB_SERVICE_PORT") && logOf("web"),
    );
    match(output, /^DB_SERVICE_HOST=127.0.0.1$/m);
  });

  it("hold a pod's start until they have been seen once", async (t) => {
    const { api, run, ready, start, stop, agent, dataDir } = await nodeOf(t);
    await stop(agent);
    let isOpen = false;
    api.before = (_verb, plural) => {
      if (plural === "endpointslices" && !isOpen) throw new Error("not yet");
    };
    run(podOf("web", { command: stay }));
    await start();
    await until("the pod to be known", () => api.find(leases, "kube-node-lease/n1"));
    await new Promise((resolve) => setImmediate(resolve));
    equal(existsSync(join(dataDir, "pods/web-uid/main")), false, "nothing was started");
    isOpen = true;
    await ready("web");
    equal(api.all(endpointSlices).length, 0);
  });
});

describe("an agent that starts again", () => {
  it("adopts what runs: same process, same port, no restart", async (t) => {
    const { run, ready, pidOf, stop, start, agent, find, main } = await nodeOf(t);
    run(podOf("web", { command: stay, ports: [{ containerPort: 8080 }] }));
    const before = await ready("web");
    const pid = await pidOf("web");
    await stop(agent);
    ok(runs(pid), "the process outlives its agent");
    await start();
    run(podOf("other", { command: stay }));
    await ready("other", "the new agent to work");
    equal(await pidOf("web"), pid);
    equal(main("web")?.restartCount, 0);
    deepEqual(find("web")?.status, before.status, "nothing changed for anybody");
    process.kill(pid, "SIGKILL");
    await until("the restart", () => main("web")?.restartCount === 1 && main("web")?.ready);
    deepEqual(
      [main("web")?.lastState?.terminated?.exitCode, main("web")?.lastState?.terminated?.reason],
      [255, "Unknown"],
    );
    equal(
      find("web")?.metadata.annotations?.[portsAnnotation],
      before.metadata.annotations?.[portsAnnotation],
    );
  });

  it("restarts what died meanwhile, stops what was deleted meanwhile", async (t) => {
    const { api, run, ready, pidOf, stop, start, agent, main } = await nodeOf(t);
    run(podOf("died", { command: stay }));
    run(podOf("deleted", { command: stay }));
    await ready("died");
    await ready("deleted");
    const [died, deleted] = [await pidOf("died"), await pidOf("deleted")];
    await stop(agent);
    process.kill(died, "SIGKILL");
    api.drop(pods, "default/deleted");
    await start();
    await until("the restart", () => main("died")?.restartCount === 1 && main("died")?.ready);
    await until("the stop", () => !runs(deleted));
  });

  it("is not deceived by a reused pid", async (t) => {
    const { run, ready, pidOf, stop, start, agent, main, dataDir } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    run(podOf("bystander", { command: stay }));
    await ready("web");
    await ready("bystander");
    const [web, bystander] = [await pidOf("web"), await pidOf("bystander")];
    await stop(agent);
    process.kill(web, "SIGKILL");
    await until("its end", () => !runs(web));
    // The record as if the pid had come back for another program.
    const record = recordOf(dataDir, "web-uid");
    record.containers.main.state.process.pid = bystander;
    writeFileSync(join(dataDir, "pods/web-uid/pod.json"), JSON.stringify(record));
    await start();
    await until("the restart", () => main("web")?.restartCount === 1 && main("web")?.ready);
    ok(runs(bystander));
    notEqual(await pidOf("web"), bystander);
  });

  it("finds a process that was started but not yet written down, and starts no second one", async (t) => {
    const { run, ready, pidOf, stop, start, agent, main, dataDir } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    await ready("web");
    const pid = await pidOf("web");
    await stop(agent);
    const record = recordOf(dataDir, "web-uid");
    const { id, startedAtMs } = record.containers.main.state;
    record.containers.main.state = { kind: "starting", id, startedAtMs };
    writeFileSync(join(dataDir, "pods/web-uid/pod.json"), JSON.stringify(record));
    await start();
    run(podOf("other", { command: stay }));
    await ready("other", "the new agent to work");
    equal(await pidOf("web"), pid);
    equal(main("web")?.restartCount, 0);
  });

  it("ends a process whose record is lost", async (t) => {
    const { api, run, ready, pidOf, stop, start, agent, dataDir, logger } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    await ready("web");
    const pid = await pidOf("web");
    await stop(agent);
    writeFileSync(join(dataDir, "pods/web-uid/pod.json"), "{torn");
    api.drop(pods, "default/web");
    await start();
    await until("its end", () => !runs(pid));
    ok(logger.lines.some((line) => line.includes("without a record")));
  });

  it("refuses a directory that another agent uses, and one that is none", async (t) => {
    const { start, dataDir } = await nodeOf(t);
    const failure = await start().then(
      () => undefined,
      (error) => error.code,
    );
    equal(failure, "dataDirectoryInUse");
    const file = join(dataDir, "file");
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, "");
    const options = { nodeName: "n2", client: new FakeApi(), dataDir: file, random: new Prng(1) };
    const other = await startAgent(options).then(
      () => undefined,
      (error) => error.code,
    );
    equal(other, "dataDirectoryUnusable");
  });
});

describe("an agent whose API is away", () => {
  it("goes on, restarts what crashes, and catches up", async (t) => {
    const { api, run, ready, pidOf, main } = await nodeOf(t);
    run(podOf("crashes", { command: stay }));
    run(podOf("deleted", { command: stay }));
    await ready("crashes");
    await ready("deleted");
    const [crashes, deleted] = [await pidOf("crashes"), await pidOf("deleted")];
    api.setDown(true);
    process.kill(crashes, "SIGKILL");
    await until("the restart", async () => {
      const pid = await pidOf("crashes");
      return pid !== crashes && runs(pid);
    });
    ok(runs(deleted));
    api.drop(pods, "default/deleted");
    api.setDown(false);
    await until("the news to arrive", () => main("crashes")?.restartCount === 1);
    await until("the deleted one to stop", () => !runs(deleted));
  });
});

describe("an agent that stops", () => {
  it("can take its workloads with it, and says farewell", async (t) => {
    const { api, run, ready, pidOf, stop, start, agent, main } = await nodeOf(t);
    run(podOf("web", { command: stay }));
    await ready("web");
    const pid = await pidOf("web");
    await until("the lease", () => api.find(leases, "kube-node-lease/n1"));
    await stop(agent, "stop");
    equal(runs(pid), false);
    equal(api.find(leases, "kube-node-lease/n1"), undefined);
    ok(api.find(pods, "default/web"), "the pod stays: the node may come back");
    await start();
    await until(
      "the pod to run again",
      () => main("web")?.restartCount === 1 && main("web")?.ready,
    );
  });
});
