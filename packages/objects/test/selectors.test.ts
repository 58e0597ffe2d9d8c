import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  configMaps,
  events,
  formatLabelSelector,
  matchesFields,
  matchesLabels,
  nodes,
  type Pod,
  parseFieldSelector,
  parseLabelSelector,
  pods,
  type Resource,
  requirementsOf,
  selects,
} from "../src/index.ts";
import { made, podJson } from "./fixtures.ts";

const name =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** "ok" and the selector as text, or the message. */
function parsed(text: string): string {
  const outcome = parseLabelSelector(text);
  return outcome.kind === "ok"
    ? `ok ${formatLabelSelector(outcome.requirements)}`
    : outcome.message;
}

describe("parseLabelSelector()", () => {
  // Answers of kube-apiserver 1.36 to GET /api/v1/pods?labelSelector=...
  // biome-ignore format: a table
  const cases = [
    ["",                     "ok "],
    [" ",                    "ok "],
    ["a=b",                  "ok a=b"],
    ["a==b,c!=d",            "ok a==b,c!=d"],
    ["a",                    "ok a"],
    ["!a",                   "ok !a"],
    ["a=",                   "ok a="],
    ["a!=",                  "ok a!="],
    ["a in (c, b,c)",        "ok a in (b,c)"],
    ["a in ()",              "ok a in ()"],
    ["a in (,)",             "ok a in ()"],
    ["a notin (b,)",         "ok a notin (,b)"],
    ["in",                   "ok in"],
    ["in in (in)",           "ok in in (in)"],
    ["a>5,b<3",              "ok a>5,b<3"],
    ["a\n=b",                "ok a=b"],
    ["x.y/z=1",              "ok x.y/z=1"],
    ["a=b,",                 "found '', expected: identifier after ','"],
    ["a,,b",                 "found ',', expected: identifier after ','"],
    [",",                    "found ',', expected: !, identifier, or 'end of string'"],
    ["=b",                   "found '=', expected: !, identifier, or 'end of string'"],
    ["a in b",               "unable to parse requirement: found 'b' expected: '('"],
    ["a in (",               "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ["a in (b",              "unable to parse requirement: found '', expected: ',' or ')'"],
    ["a b",                  "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a in (b) c",           "found 'c', expected: ',' or 'end of string'"],
    ["a=b c",                "found 'c', expected: ',' or 'end of string'"],
    ["!a=b",                 "found '=', expected: ',' or 'end of string'"],
    ["!",                    "unable to parse requirement: found '', expected: identifier"],
    ["a>b",                  "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"],
    ["-a=b",                 `unable to parse requirement: <nil>: Invalid value: "-a": ${name}`],
  ] as const;
  for (const [text, want] of cases) {
    it(`"${text}"`, () => equal(parsed(text), want));
  }
});

describe("matchesLabels()", () => {
  const labels = { app: "web", tier: "front", size: "7" };
  // biome-ignore format: a table
  const cases: [string, boolean][] = [
    ["", true], ["app=web", true], ["app==db", false], ["app!=db", true], ["none!=x", true],
    ["app in (db,web)", true], ["app notin (web)", false], ["none notin (web)", true],
    ["app", true], ["none", false], ["!none", true], ["!app", false], ["none=", false],
    ["size>6", true], ["size<7", false], ["app>1", false], ["app=web,tier=back", false],
  ];
  for (const [text, want] of cases) {
    it(`"${text}" is ${want}`, () => {
      const outcome = parseLabelSelector(text);
      equal(outcome.kind === "ok" && matchesLabels(outcome.requirements, labels), want);
    });
  }

  it("reads selectors as objects", () => {
    const selector = {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "NotIn" as const, values: ["back"] },
        { key: "size", operator: "Exists" as const },
        { key: "gone", operator: "DoesNotExist" as const },
      ],
    };
    equal(selects(selector, labels), true);
    equal(selects(selector, { ...labels, gone: "" }), false);
    equal(formatLabelSelector(requirementsOf(selector)), "app=web,!gone,size,tier notin (back)");
  });

  it("takes no selector for nothing and an empty one for everything", () => {
    equal(selects(undefined, labels), false);
    equal(selects({}, labels), true);
  });

  it("does not find labels in the prototype", () => {
    equal(selects({ matchExpressions: [{ key: "constructor", operator: "Exists" }] }, {}), false);
  });
});

describe("parseFieldSelector()", () => {
  const refusals: [Resource, string, string][] = [
    [pods, "foo=bar", "field label not supported: foo"],
    [nodes, "spec.foo=b", "field label not supported: spec.foo"],
    [
      configMaps,
      "spec.foo=b",
      '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [pods, "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    [pods, "a,b", "invalid selector: 'a,b'; can't understand 'a'"],
    [pods, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"],
  ];
  for (const [resource, text, message] of refusals) {
    it(`refuses "${text}" for ${resource.plural}`, () => {
      deepEqual(parseFieldSelector(resource, text), { kind: "badRequest", message });
    });
  }

  const pod = made<Pod>(pods, podJson({ nodeName: "n1", hostNetwork: true }));
  // biome-ignore format: a table
  const cases: [string, boolean][] = [
    ["", true], ["spec.nodeName=n1", true], ["spec.nodeName==n2", false], ["spec.nodeName!=n2", true],
    ["status.phase!=Running,spec.nodeName=n1,", true], ["status.podIP=", true],
    ["spec.hostNetwork=true", true], ["metadata.namespace=default", true],
    ["metadata.name=a\\,b", false], ["metadata.name!=a\\,b", true],
  ];
  for (const [text, want] of cases) {
    it(`"${text}" on a pod is ${want}`, () => {
      const outcome = parseFieldSelector(pods, text);
      equal(outcome.kind === "ok" && matchesFields(outcome.requirements, pod), want);
    });
  }

  it("takes false for what is absent, on nodes", () => {
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n" }, spec: {} };
    const outcome = parseFieldSelector(nodes, "spec.unschedulable=false");
    equal(outcome.kind === "ok" && matchesFields(outcome.requirements, node), true);
  });

  it("means the component by an event's source", () => {
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e" },
      source: { component: "kubelet" },
      involvedObject: { kind: "Pod" },
    };
    const outcome = parseFieldSelector(events, "source=kubelet,involvedObject.kind=Pod");
    equal(outcome.kind === "ok" && matchesFields(outcome.requirements, event), true);
  });
});
