/** Agents without machines: heartbeats, pods that become ready, pods that stop, nodes that lose power. */
import type { Prng } from "@flotilla/base";
import { formatTime, leases, type Node, nodes, type Pod, pods } from "@flotilla/objects";
import { portsAnnotation } from "../src/endpoints/backends.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The Lease goes so long after the power. */
export const heartbeatTtlMs = 4_000;

export interface AgentTimes {
  readonly startMsMax: number;
  readonly stopMsMax: number;
}

export class FakeAgents {
  readonly #cluster: MemoryCluster;
  readonly #time: VirtualTime;
  readonly #prng: Prng;
  readonly #times: AgentTimes;
  readonly #powered = new Set<string>();
  /** Pods with a start or a stop under way. */
  readonly #busy = new Set<string>();
  #nextPort = 40_000;

  constructor(cluster: MemoryCluster, time: VirtualTime, prng: Prng, times: AgentTimes) {
    this.#cluster = cluster;
    this.#time = time;
    this.#prng = prng;
    this.#times = times;
  }

  async addNode(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.#cluster.create(nodes, nodeOf(name, labels));
    await this.powerOn(name);
  }

  /** Everything on the node ends at once; its Lease some time later. */
  powerOff(name: string, ttlMs: number = heartbeatTtlMs): void {
    this.#powered.delete(name);
    this.#time.timers.after(ttlMs, () => {
      if (this.#powered.has(name)) return;
      void this.#cluster.delete(leases, { namespace: "kube-node-lease", name });
    });
  }

  async powerOn(name: string): Promise<void> {
    this.#powered.add(name);
    await this.#cluster.create(leases, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace: "kube-node-lease", name },
      spec: { holderIdentity: name, leaseDurationSeconds: 4 },
    });
    await this.#postReady(name);
    this.look();
  }

  /** What the agents would see by watch; called after every change. */
  look(): void {
    for (const pod of this.#cluster.all(pods)) {
      const { uid = "" } = pod.metadata;
      if (!this.#powered.has(pod.spec.nodeName ?? "") || this.#busy.has(uid)) continue;
      const isLeaving = pod.metadata.deletionTimestamp !== undefined;
      if (isLeaving) this.#later(uid, this.#times.stopMsMax, () => this.#stop(pod));
      else if (!isReady(pod)) this.#later(uid, this.#times.startMsMax, () => this.#start(pod));
    }
  }

  #later(uid: string, delayMsMax: number, act: () => Promise<unknown>): void {
    this.#busy.add(uid);
    this.#time.timers.after(this.#prng.below(delayMsMax + 1), () => {
      void act().finally(() => {
        this.#busy.delete(uid);
        this.look();
      });
    });
  }

  async #stop(pod: Pod): Promise<void> {
    if (!this.#powered.has(pod.spec.nodeName ?? "")) return;
    const { namespace = "", name, uid = "" } = pod.metadata;
    await this.#cluster.delete(pods, { namespace, name }, { uid, gracePeriodSeconds: 0 });
  }

  async #start({ metadata: { namespace, name, uid } }: Pod): Promise<void> {
    const pod = this.#cluster.peek(pods, `${namespace}/${name}`);
    if (pod === undefined || pod.metadata.uid !== uid) return;
    if (pod.metadata.deletionTimestamp !== undefined) return;
    if (!this.#powered.has(pod.spec.nodeName ?? "")) return;
    const ports = pod.metadata.annotations?.[portsAnnotation] ?? `{"80":${this.#nextPort++}}`;
    const now = formatTime(this.#time.wallNowMs());
    const annotations = { ...pod.metadata.annotations, [portsAnnotation]: ports };
    await this.#cluster.updateStatus(pods, {
      ...pod,
      metadata: { ...pod.metadata, annotations },
      status: {
        phase: "Running",
        podIP: "127.0.0.1",
        conditions: [{ type: "Ready", status: "True", lastTransitionTime: now }],
      },
    });
  }

  async #postReady(name: string): Promise<void> {
    for (;;) {
      const node = this.#cluster.peek(nodes, name);
      if (node === undefined) return;
      const conditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map((type) => ({
        type,
        status: type === "Ready" ? ("True" as const) : ("False" as const),
      }));
      const object: Node = { ...node, status: { ...node.status, conditions } };
      if ((await this.#cluster.updateStatus(nodes, object)).kind === "ok") return;
    }
  }
}

function isReady({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false
  );
}

/** A node with room for 20 pods. */
export function nodeOf(name: string, labels: Record<string, string> = {}): Node {
  const allocatable = { cpu: "4", memory: "8Gi", pods: "20" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    status: { allocatable, addresses: [{ type: "InternalIP", address: "127.0.0.1" }] },
  };
}
