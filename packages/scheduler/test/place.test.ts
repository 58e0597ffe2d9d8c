import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Pod, Service, Taint, Toleration, TopologySpreadConstraint } from "@flotilla/objects";
import { addPod, viewNodes } from "../src/node-view.ts";
import { filterNodes, pickNode, scoreNodes, unschedulableMessage } from "../src/place.ts";
import { nodeFrom, podFrom, serviceOf } from "./fixtures.ts";

const noSchedule: Taint = { key: "team", value: "blue", effect: "NoSchedule" };
const prefer: Taint = { key: "old", effect: "PreferNoSchedule" };
const dead: Taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };

/** Nodes are texts; "!" in front taints with team=blue, "?" with PreferNoSchedule, "x" = dead. */
function viewsFrom(nodes: readonly string[], pods: readonly Pod[]) {
  const taintOf: Record<string, Taint> = { "!": noSchedule, "?": prefer, x: dead };
  const made = nodes.map((text) => {
    const taint = taintOf[text[0] ?? ""];
    return taint === undefined ? nodeFrom(text) : nodeFrom(text.slice(1), [taint]);
  });
  return viewNodes(made, pods);
}

/** "n1 n2" or Kubernetes' sentence when there is none. */
function feasible(pod: Pod, nodes: readonly string[], pods: readonly string[] = []): string {
  const views = viewsFrom(
    nodes,
    pods.map((text) => podFrom(text)),
  );
  const { feasible: found, reasons } = filterNodes({ pod, views, services: [] });
  const names = found.map(({ node }) => node.metadata.name).join(" ");
  return names === "" ? unschedulableMessage(views.length, reasons) : names;
}

/** Best nodes, in order of name. */
function best(
  pod: Pod,
  nodes: readonly string[],
  pods: readonly string[] = [],
  services: Service[] = [],
) {
  const views = viewsFrom(
    nodes,
    pods.map((text) => podFrom(text)),
  );
  const placement = { pod, views, services };
  const scored = scoreNodes(placement, filterNodes(placement).feasible);
  const picked = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    picked.add(pickNode(scored, new Prng(seed))?.node.metadata.name ?? "none");
  }
  return [...picked].toSorted().join(" ");
}

describe("filterNodes()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                pod                     nodes                                 bound pods                      want
    ["lets a plain pod go anywhere",       "p",                    ["n1", "n2"],                         [],                             "n1 n2"],
    ["counts what pods have taken",        "p cpu=1",              ["n1 cpu=2", "n2 cpu=2"],             ["a on=n1 cpu=1500m"],          "n2"],
    ["fits exactly",                       "p cpu=500m",           ["n1 cpu=2"],                         ["a on=n1 cpu=1500m"],          "n1"],
    ["counts leaving pods, too",           "p cpu=2",              ["n1 cpu=2"],                         ["a on=n1 cpu=1 leaving"],      "0/1 nodes are available: 1 Insufficient cpu."],
    ["names everything that is short",     "p cpu=5 memory=9Gi",   ["n1", "n2", "n3 memory=64Gi"],       [],                             "0/3 nodes are available: 2 Insufficient memory, 3 Insufficient cpu."],
    ["counts pods",                        "p",                    ["n1 pods=1"],                        ["a on=n1"],                    "0/1 nodes are available: 1 Too many pods."],
    ["stays off cordoned nodes",           "p",                    ["n1 cordoned", "n2"],                [],                             "n2"],
    ["says so",                            "p",                    ["n1 cordoned"],                      [],                             "0/1 nodes are available: 1 node(s) were unschedulable."],
    ["stays off tainted nodes",            "p",                    ["!n1"],                              [],                             "0/1 nodes are available: 1 node(s) had untolerated taint {team: blue}."],
    ["may go where it is only unloved",    "p",                    ["?n1"],                              [],                             "n1"],
    ["follows its nodeSelector",           "p select=zone:b",      ["n1 zone=a", "n2 zone=b"],           [],                             "n2"],
    ["says that nothing matches it",       "p select=zone:c",      ["n1 zone=a"],                        [],                             "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."],
    ["needs its host port",                "p port=80",            ["n1", "n2"],                         ["a on=n1 port=80"],            "n2"],
    ["shares other host ports",            "p port=80",            ["n1"],                               ["a on=n1 port=81"],            "n1"],
    ["says that the port is taken",        "p port=80",            ["n1"],                               ["a on=n1 port=80"],            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."],
    ["needs nodes",                        "p",                    [],                                   [],                             "no nodes available to schedule pods"],
    ["names one reason per node",          "p cpu=9",              ["!n1", "n2 cordoned", "n3"],         [],                             "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {team: blue}, 1 node(s) were unschedulable."],
  ] as const;
  for (const [name, pod, nodes, pods, want] of cases) {
    it(name, () => equal(feasible(podFrom(pod), nodes, pods), want));
  }

  it("goes where its tolerations let it", () => {
    const tolerations: Toleration[] = [
      { key: "team", value: "blue", effect: "NoSchedule" },
      { key: "node.kubernetes.io/unschedulable", operator: "Exists" },
    ];
    equal(feasible(podFrom("p", { tolerations }), ["!n1", "n2 cordoned", "xn3"]), "n1 n2");
  });

  it("reads required node affinity: terms are alternatives, their parts are not", () => {
    const term = (...matchExpressions: object[]) => ({ matchExpressions });
    const zone = (operator: string, ...values: string[]) => ({ key: "zone", operator, values });
    const where = (...nodeSelectorTerms: object[]) => {
      const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
      const affinity = { nodeAffinity: required } as never;
      return feasible(podFrom("p", { affinity }), ["n1 zone=1", "n2 zone=2", "n3"]);
    };
    const none = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    equal(where(term(zone("In", "1", "9"))), "n1");
    equal(where(term(zone("NotIn", "1"))), "n2 n3");
    equal(where(term(zone("Exists"))), "n1 n2");
    equal(where(term(zone("DoesNotExist"))), "n3");
    equal(where(term(zone("Gt", "1"))), "n2");
    equal(where(term(zone("Lt", "2"))), "n1");
    equal(where(term(zone("In", "1")), term(zone("In", "2"))), "n1 n2");
    equal(where(term(zone("In", "1"), zone("In", "2"))), none);
    equal(where({ matchFields: [{ key: "metadata.name", operator: "In", values: ["n3"] }] }), "n3");
    equal(where({}), none, "an empty term matches nothing");
    equal(where(term(zone("Sideways"))), none);
  });

  describe("with a topology spread constraint", () => {
    const spread = (topologyKey: string, maxSkew = 1): TopologySpreadConstraint[] => [
      {
        topologyKey,
        maxSkew,
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
      },
    ];
    const host = "kubernetes.io/hostname";
    // biome-ignore format: a table
    const spreads = [
      ["goes where fewer are",                   host,   ["n1", "n2"],                        ["a on=n1 app=web"],                                "n2"],
      ["counts domains, not nodes",              "zone", ["n1 zone=a", "n2 zone=a", "n3 zone=b"], ["a on=n1 app=web"],                            "n3"],
      ["does not count others",                  host,   ["n1", "n2"],                        ["a on=n1 app=db"],                                 "n1 n2"],
      ["does not count who is leaving",          host,   ["n1", "n2"],                        ["a on=n1 app=web leaving"],                        "n1 n2"],
      ["does not wait for a dead node",          host,   ["n1", "n2", "xn3"],                 ["a on=n1 app=web", "b on=n2 app=web"],             "n1 n2"],
      ["needs the label",                        "zone", ["n1"],                              [],                                                 "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label)."],
      ["says when there is no even place",       host,   ["n1 pods=0", "n2"],                 ["a on=n2 app=web"],                                "0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread constraints."],
    ] as const;
    for (const [name, key, nodes, pods, want] of spreads) {
      it(name, () =>
        equal(feasible(podFrom("p app=web", { spread: spread(key) }), nodes, pods), want),
      );
    }
  });
});

describe("scoreNodes() and pickNode()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                           pod                   nodes                      bound pods                                          want
    ["picks among equals by chance",                  "p",                  ["n1", "n2", "n3"],        [],                                                 "n1 n2 n3"],
    ["prefers the emptier node",                      "p",                  ["n1", "n2"],              ["a on=n1 cpu=2"],                                  "n2"],
    ["assumes that pods without requests use some",   "p",                  ["n1", "n2"],              ["a on=n1"],                                        "n2"],
    ["avoids siblings rather than load",              "p owner=rs",         ["n1", "n2"],              ["a on=n1 owner=rs", "b on=n2 cpu=3 memory=7Gi"],   "n2"],
    ["does not avoid the pods of others",             "p owner=rs cpu=1",   ["n1", "n2"],              ["a on=n1 owner=other", "b on=n2 cpu=3"],           "n1"],
    ["does not avoid siblings that are leaving",      "p owner=rs",         ["n1", "n2"],              ["a on=n1 owner=rs leaving", "b on=n2 cpu=3"],      "n1"],
    ["avoids nodes that ask to be avoided",           "p owner=rs",         ["?n1", "n2"],             ["a on=n2 owner=rs"],                               "n2"],
  ] as const;
  for (const [name, pod, nodes, pods, want] of cases) {
    it(name, () => equal(best(podFrom(pod), nodes, pods), want));
  }

  it("takes pods behind the same service as siblings when nobody controls them", () => {
    const bound = ["a on=n1 app=web", "b on=n2 cpu=3"];
    equal(best(podFrom("p app=web"), ["n1", "n2"], bound), "n1");
    equal(best(podFrom("p app=web"), ["n1", "n2"], bound, [serviceOf("web")]), "n2");
  });

  it("follows preferences, by weight", () => {
    const preference = (zone: string) => ({
      matchExpressions: [{ key: "zone", operator: "In", values: [zone] }],
    });
    const preferredDuringSchedulingIgnoredDuringExecution = [
      { weight: 1, preference: preference("a") },
      { weight: 5, preference: preference("b") },
    ];
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution } } as never;
    equal(best(podFrom("p", { affinity }), ["n1 zone=a", "n2 zone=b", "n3"]), "n2");
  });

  it("spreads over domains where it can (ScheduleAnyway)", () => {
    const labelSelector = { matchLabels: { app: "web" } };
    const spread: TopologySpreadConstraint[] = [
      { topologyKey: "zone", maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", labelSelector },
    ];
    const nodes = ["n1 zone=a", "n2 zone=a", "n3 zone=b", "n4"];
    equal(best(podFrom("p app=web", { spread }), nodes, ["a on=n1 app=web"]), "n3");
  });

  it("puts 3 pods of one owner on 3 nodes, 1-1-1, whatever else runs there (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const others = Array.from({ length: prng.below(12) }, (_, at) =>
        podFrom(
          `o${at} on=n${prng.between(1, 3)} cpu=${prng.below(300)}m owner=other${prng.below(3)}`,
        ),
      );
      const views = viewNodes(
        ["n1", "n2", "n3"].map((text) => nodeFrom(text)),
        others,
      );
      const used: string[] = [];
      for (const name of ["a", "b", "c"]) {
        const placement = { pod: podFrom(`${name} owner=web cpu=100m`), views, services: [] };
        const view = pickNode(scoreNodes(placement, filterNodes(placement).feasible), prng);
        used.push(view?.node.metadata.name ?? "none");
        if (view !== undefined) addPod(view, placement.pod);
      }
      deepEqual(used.toSorted(), ["n1", "n2", "n3"], `seed=${seed}`);
    }
  });

  it("has no answer where nothing is feasible", () => {
    equal(pickNode([], new Prng(1)), undefined);
  });
});
