import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint, EndpointSlice, Service } from "@flotilla/objects";
import { backendKeyOf, frontendsOf } from "../../src/proxy/frontends.ts";
import { serviceVariables } from "../../src/proxy/service-variables.ts";

function service(name: string, spec: Partial<Service["spec"]> = {}): Service {
  const ports = [{ name: "http", port: 80, nodePort: 30_080 }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { clusterIP: "10.96.0.9", ports, ...spec },
  };
}

function slice(
  name: string,
  port: number,
  endpoints: Endpoint[],
  portName = "http",
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-${port}`,
      namespace: "default",
      labels: { "kubernetes.io/service-name": name },
    },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: portName, port, protocol: "TCP" }],
  };
}

/** "key entry/node: backends". */
function show(services: Service[], slices: EndpointSlice[]): string[] {
  return frontendsOf(services, slices).map(({ key, entryPort = "-", nodePort = "-", backends }) =>
    `${key} ${entryPort}/${nodePort}: ${backends.map(backendKeyOf).join(" ")}`.trim(),
  );
}

const ready = { addresses: ["10.0.0.1"], conditions: { ready: true } };
const unready = { addresses: ["10.0.0.2"], conditions: { ready: false } };
const leaving = {
  addresses: ["10.0.0.3"],
  conditions: { ready: false, serving: true, terminating: true },
};

describe("frontendsOf()", () => {
  it("joins the slices of a service, each with its own port", () => {
    deepEqual(
      show([service("web")], [slice("web", 21_000, [ready]), slice("web", 21_001, [ready])]),
      ["default/web/80 -/-: 10.0.0.1:21000 10.0.0.1:21001"],
    );
  });

  it("takes ready endpoints only", () => {
    deepEqual(show([service("web")], [slice("web", 1, [ready, unready, leaving])]), [
      "default/web/80 -/-: 10.0.0.1:1",
    ]);
  });

  it("falls back to those that terminate and still serve", () => {
    deepEqual(show([service("web")], [slice("web", 1, [unready, leaving])]), [
      "default/web/80 -/-: 10.0.0.3:1",
    ]);
  });

  it("counts an endpoint without conditions as ready", () => {
    deepEqual(show([service("web")], [slice("web", 1, [{ addresses: ["10.0.0.4"] }])]), [
      "default/web/80 -/-: 10.0.0.4:1",
    ]);
  });

  it("matches ports by name, and offers types as they ask", () => {
    const two = service("web", {
      type: "LoadBalancer",
      ports: [
        { name: "http", port: 80, nodePort: 30_080 },
        { name: "admin", port: 81, nodePort: 30_081 },
      ],
    });
    const slices = [slice("web", 1, [ready]), slice("web", 2, [ready], "admin")];
    deepEqual(show([two], slices), [
      "default/web/80 80/30080: 10.0.0.1:1",
      "default/web/81 81/30081: 10.0.0.1:2",
    ]);
    deepEqual(show([service("web", { type: "NodePort" })], []), ["default/web/80 -/30080:"]);
  });

  it("leaves out what has no address, other protocols and other services' slices", () => {
    deepEqual(show([service("a", { clusterIP: "None" })], []), []);
    deepEqual(show([service("a", { type: "ExternalName" })], []), []);
    deepEqual(show([service("a", { ports: [{ port: 53, protocol: "UDP" }] })], []), []);
    deepEqual(show([service("a")], [slice("b", 1, [ready])]), ["default/a/80 -/-:"]);
  });
});

describe("serviceVariables()", () => {
  it("names host, first port and named ports", () => {
    const ports = [
      { name: "http", port: 80 },
      { name: "ad-min", port: 81 },
    ];
    const portOf = (key: string) =>
      ({ "default/my-db/80": 21_000, "default/my-db/81": 21_001 })[key];
    deepEqual(serviceVariables([service("my-db", { ports })], "10.0.0.7", portOf), {
      MY_DB_SERVICE_HOST: "10.0.0.7",
      MY_DB_SERVICE_PORT: "21000",
      MY_DB_SERVICE_PORT_HTTP: "21000",
      MY_DB_SERVICE_PORT_AD_MIN: "21001",
    });
    deepEqual(serviceVariables([service("other")], "10.0.0.7", portOf), {});
  });
});
