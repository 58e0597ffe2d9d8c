/** Nodes and pods written as short texts. */
import type {
  Node,
  Pod,
  Service,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from "@flotilla/objects";

/** "n1 cpu=2 memory=4Gi pods=10 zone=a cordoned": a name, allocatable amounts, a label, a cordon. */
export function nodeFrom(text: string, taints: Taint[] = []): Node {
  const [name = "", ...words] = text.split(" ");
  const values = valuesOf(words);
  const labels = {
    "kubernetes.io/hostname": name,
    ...(values["zone"] ? { zone: values["zone"] } : {}),
  };
  const { cpu = "4", memory = "8Gi", pods = "110" } = values;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: { taints, unschedulable: words.includes("cordoned") },
    status: { allocatable: { cpu, memory, pods } },
  };
}

export interface PodMore {
  readonly tolerations?: Toleration[];
  readonly spread?: TopologySpreadConstraint[];
  readonly affinity?: NonNullable<Pod["spec"]["affinity"]>;
}

/** "p1 on=n1 cpu=500m memory=1Gi app=web owner=rs port=80 select=zone:a priority=5 at=3 leaving" */
export function podFrom(text: string, more: PodMore = {}): Pod {
  const [name = "", ...words] = text.split(" ");
  const values = valuesOf(words);
  const requests = Object.fromEntries(
    ["cpu", "memory"].flatMap((each) => (values[each] ? [[each, values[each]]] : [])),
  );
  const ports = values["port"] ? [{ containerPort: 80, hostPort: Number(values["port"]) }] : [];
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", controller: true };
  const [key = "", value = ""] = (values["select"] ?? "").split(":");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "default",
      name,
      uid: `uid-${name}`,
      labels: { app: values["app"] ?? "none" },
      creationTimestamp: `2030-01-01T00:00:${(values["at"] ?? "0").padStart(2, "0")}Z`,
      ...(values["owner"]
        ? { ownerReferences: [{ ...owner, name: "", uid: values["owner"] }] }
        : {}),
      ...(words.includes("leaving") ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
    },
    spec: {
      containers: [{ name: "main", image: "x", ports, resources: { requests } }],
      ...(values["on"] ? { nodeName: values["on"] } : {}),
      ...(values["priority"] ? { priority: Number(values["priority"]) } : {}),
      ...(key === "" ? {} : { nodeSelector: { [key]: value } }),
      ...(more.tolerations === undefined ? {} : { tolerations: more.tolerations }),
      ...(more.spread === undefined ? {} : { topologySpreadConstraints: more.spread }),
      ...(more.affinity === undefined ? {} : { affinity: more.affinity }),
    },
  };
}

export function serviceOf(app: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: app },
    spec: { selector: { app } },
  };
}

function valuesOf(words: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(words.map((word) => word.split("=")));
}
