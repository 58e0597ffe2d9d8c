import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { EndpointSlice, Pod, Service } from "@flotilla/objects";
import { portsAnnotation } from "../../src/endpoints/backends.ts";
import { decideSlices, endpointsPerSliceMax } from "../../src/endpoints/decide-slices.ts";
import { serviceOf } from "../fixtures.ts";

/** "a 127.0.0.1 80>40000 ready": name, address, container port > real port, flags ready and leaving. */
function podFrom(text: string): Pod {
  const [name = "", podIP = "", ...words] = text.split(" ");
  const mapping = words.find((word) => word.includes(">"))?.split(">");
  const annotations = mapping ? { [portsAnnotation]: `{"${mapping[0]}":${mapping[1]}}` } : {};
  const isLeaving = words.includes("leaving");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "default",
      name,
      uid: `uid-${name}`,
      annotations,
      ...(isLeaving ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
    },
    spec: {
      nodeName: "n1",
      containers: [{ name: "main", image: "x", ports: [{ name: "http", containerPort: 80 }] }],
    },
    status: {
      phase: words.includes("failed") ? "Failed" : "Running",
      ...(podIP === "-" ? {} : { podIP }),
      conditions: [{ type: "Ready", status: words.includes("ready") ? "True" : "False" }],
    },
  };
}

const random = new Prng(7);

/** Performs the decision on a list of slices, as the API would. */
function applied(service: Service, pods: readonly Pod[], slices: readonly EndpointSlice[] = []) {
  const { sequences } = decideSlices({ service, pods, slices, random });
  let after = [...slices];
  const verbs: string[] = [];
  for (const [action] of sequences) {
    if (action?.kind !== "create" && action?.kind !== "update" && action?.kind !== "delete")
      continue;
    verbs.push(action.kind);
    const slice = action.object as EndpointSlice;
    after = after.filter(({ metadata }) => metadata.name !== slice.metadata.name);
    if (action.kind !== "delete") after.push(slice);
  }
  return { slices: after, verbs: verbs.join(" ") };
}

/** "http:40000[a=rs b=-]": r ready, s serving, t terminating. */
function format(slices: readonly EndpointSlice[]): string {
  return slices
    .map(({ ports, endpoints }) => {
      const names = endpoints.map(({ targetRef, conditions }) => {
        const flags = `${conditions?.ready ? "r" : ""}${conditions?.serving ? "s" : ""}${conditions?.terminating ? "t" : ""}`;
        return `${targetRef?.name}=${flags || "-"}`;
      });
      return `${(ports ?? []).map(({ port }) => port).join(",")}[${names.join(" ")}]`;
    })
    .toSorted()
    .join(" ");
}

describe("decideSlices()", () => {
  // biome-ignore format: a table
  const cases = [
    ["maps a container port to its real port",       ["a 127.0.0.1 80>40000 ready"],                                "40000[a=rs]"],
    ["takes the port itself where none is published",["a 10.0.0.1 ready"],                                          "80[a=rs]"],
    ["gives each set of real ports its own slice",   ["a 127.0.0.1 80>40000 ready", "b 127.0.0.1 80>40001 ready"],  "40000[a=rs] 40001[b=rs]"],
    ["shares a slice where the ports are the same",  ["a 10.0.0.1 ready", "b 10.0.0.2"],                            "80[a=rs b=-]"],
    ["withdraws a leaving pod, but says it serves",  ["a 10.0.0.1 ready leaving"],                                  "80[a=st]"],
    ["leaves out pods without an address",           ["a - ready"],                                                 "[]"],
    ["leaves out finished pods",                     ["a 10.0.0.1 failed"],                                         "[]"],
    ["has an empty slice for no pods",               [],                                                            "[]"],
    ["keeps address families apart",                 ["a 10.0.0.1 ready", "b fd00::1 ready"],                       "80[a=rs] 80[b=rs]"],
    ["ignores a mapping that is no port",            ["a 10.0.0.1 80>99999 ready"],                                 "80[a=rs]"],
  ] as const;
  for (const [name, pods, want] of cases) {
    it(name, () => {
      const first = applied(serviceOf("web"), pods.map(podFrom));
      equal(format(first.slices), want);
      equal(applied(serviceOf("web"), pods.map(podFrom), first.slices).verbs, "", "and then rests");
    });
  }

  it("resolves names and numbers of target ports per pod", () => {
    const ports = [
      { name: "by-name", port: 1, targetPort: "http" },
      { name: "by-number", port: 2, targetPort: 80 },
      { name: "same", port: 80 },
      { name: "nobody-has-it", port: 3, targetPort: "grpc" },
    ];
    const { slices } = applied(serviceOf("web", { ports }), [
      podFrom("a 127.0.0.1 80>40000 ready"),
    ]);
    deepEqual(slices[0]?.ports, [
      { name: "by-name", protocol: "TCP", port: 40_000 },
      { name: "by-number", protocol: "TCP", port: 40_000 },
      { name: "same", protocol: "TCP", port: 40_000 },
    ]);
  });

  it("survives annotations that are not what they should be", () => {
    for (const text of ["", "[", "null", "[1]", '{"80":"x"}', '{"80":-1}', '"80"']) {
      const pod = podFrom("a 10.0.0.1 ready");
      pod.metadata.annotations = { [portsAnnotation]: text };
      equal(format(applied(serviceOf("web"), [pod]).slices), "80[a=rs]", text);
    }
  });

  it("publishes pods that are not ready where the service asks for it", () => {
    const service = serviceOf("web", { publishNotReadyAddresses: true });
    equal(format(applied(service, [podFrom("a 10.0.0.1")]).slices), "80[a=r]");
  });

  it("rewrites only the slice of the pod that changed, and keeps at most 100 in each", () => {
    const names = Array.from({ length: 250 }, (_, at) => `p${String(at).padStart(3, "0")}`);
    const pods = names.map((name) => podFrom(`${name} 10.0.0.1 ready`));
    const first = applied(serviceOf("web"), pods);
    deepEqual(
      first.slices.map(({ endpoints }) => endpoints.length),
      [100, 100, 50],
    );
    const changed = pods.map((pod, at) => (at === 7 ? podFrom("p007 10.0.0.1") : pod));
    equal(applied(serviceOf("web"), changed, first.slices).verbs, "update");
    const grown = [...pods, podFrom("q 10.0.0.9 ready")];
    const second = applied(serviceOf("web"), grown, first.slices);
    equal(second.verbs, "update", "there is room in the third");
    equal(
      Math.max(...second.slices.map(({ endpoints }) => endpoints.length)),
      endpointsPerSliceMax,
    );
  });

  it("removes what is empty, and what is of another shape", () => {
    const first = applied(serviceOf("web"), [podFrom("a 127.0.0.1 80>1000 ready")]);
    const second = applied(serviceOf("web"), [podFrom("a 127.0.0.1 80>2000 ready")], first.slices);
    equal(second.verbs, "create delete");
    equal(format(second.slices), "2000[a=rs]");
  });

  it("leaves alone what somebody else manages, and everything while the service goes", () => {
    const { slices } = applied(serviceOf("web"), []);
    const foreign = slices.map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, labels: { "kubernetes.io/service-name": "web" } },
    }));
    equal(applied(serviceOf("web"), [podFrom("a 10.0.0.1 ready")], foreign).verbs, "create");
    const leaving = serviceOf("web");
    leaving.metadata.deletionTimestamp = "2030-01-01T00:00:00Z";
    equal(applied(leaving, [podFrom("a 10.0.0.1 ready")]).verbs, "");
  });

  it("labels and owns its slices", () => {
    const { slices } = applied(serviceOf("web", { clusterIP: "None" }), []);
    deepEqual(slices[0]?.metadata.labels, {
      "service.kubernetes.io/headless": "",
      "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      "kubernetes.io/service-name": "web",
    });
    equal(slices[0]?.metadata.ownerReferences?.[0]?.uid, "svc-web");
  });
});
