/**
 * The Node object of this machine.
 *
 * Source: Kubernetes pkg/kubelet/nodestatus and the well-known labels; reasons and messages as the
 * kubelet writes them, because people and tools look for them. Pure.
 */
import { type Condition, formatTime, type Node, type StringMap } from "@flotilla/objects";

/** The version that `kubectl get nodes` shows. */
export const kubeletVersion = "v1.36.3+flotilla";
/** Pods per node, as the kubelet's default. */
export const podsPerNodeMax = 110;

/** What is known about the machine. */
export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  /** Given by the operator. */
  readonly labels: Readonly<StringMap>;
  /** Kubernetes' words: "linux". */
  readonly operatingSystem: string;
  /** Kubernetes' words: "amd64", "arm64". */
  readonly architecture: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** Other fields of status.nodeInfo. */
  readonly info: Readonly<StringMap>;
}

/** Labels that the node always has. */
export function labelsOf(facts: NodeFacts): StringMap {
  const { name, operatingSystem, architecture } = facts;
  return {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": operatingSystem,
    "kubernetes.io/arch": architecture,
    ...facts.labels,
  };
}

/** A node that registers for the first time. */
export function newNode(facts: NodeFacts): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: facts.name, labels: labelsOf(facts) },
    spec: {},
  };
}

/** `present` with this node's status; times change only where something else does. */
export function withNodeStatus(present: Node, facts: NodeFacts, nowMs: number): Node {
  const resources = {
    cpu: String(facts.cpuCount),
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    pods: String(podsPerNodeMax),
  };
  const before = present.status?.conditions ?? [];
  const own = conditions.map((condition) => withTimes(condition, before, nowMs));
  const others = before.filter(({ type }) => !own.some((condition) => condition.type === type));
  return {
    ...present,
    status: {
      ...present.status,
      capacity: resources,
      allocatable: resources,
      conditions: [...others, ...own],
      addresses: [
        { type: "InternalIP", address: facts.address },
        { type: "Hostname", address: facts.name },
      ],
      nodeInfo: {
        ...facts.info,
        architecture: facts.architecture,
        operatingSystem: facts.operatingSystem,
        kubeletVersion,
        kubeProxyVersion: "",
      },
    },
  };
}

const conditions: readonly Condition[] = [
  {
    type: "MemoryPressure",
    status: "False",
    reason: "KubeletHasSufficientMemory",
    message: "kubelet has sufficient memory available",
  },
  {
    type: "DiskPressure",
    status: "False",
    reason: "KubeletHasNoDiskPressure",
    message: "kubelet has no disk pressure",
  },
  {
    type: "PIDPressure",
    status: "False",
    reason: "KubeletHasSufficientPID",
    message: "kubelet has sufficient PID available",
  },
  {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "kubelet is posting ready status",
  },
];

function withTimes(wanted: Condition, before: readonly Condition[], nowMs: number): Condition {
  const present = before.find(({ type }) => type === wanted.type);
  const now = formatTime(nowMs);
  const since = present?.status === wanted.status ? present.lastTransitionTime : undefined;
  return { ...wanted, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
}

/** True when `wanted` differs from `present` in more than the heartbeat times. */
export function nodeNeedsUpdate(present: Node, wanted: Node): boolean {
  return JSON.stringify(withoutHeartbeats(present)) !== JSON.stringify(withoutHeartbeats(wanted));
}

function withoutHeartbeats({ metadata, status }: Node): unknown {
  const own = (status?.conditions ?? []).map(({ type, status: value, reason, message }) => [
    type,
    value,
    reason,
    message,
  ]);
  const { capacity, allocatable, addresses, nodeInfo } = status ?? {};
  return [
    metadata.labels,
    own.sort(),
    sorted(capacity),
    sorted(allocatable),
    addresses,
    sorted(nodeInfo),
  ];
}

/** The server may give keys back in another order. */
function sorted(map: Readonly<StringMap> | undefined): [string, string][] {
  return Object.entries(map ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
}
