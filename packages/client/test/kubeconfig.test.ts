import { deepEqual, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKubeconfig } from "../src/kubeconfig.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function config(user: object, cluster: object = {}): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "c", user: "u", namespace: "shop" } }],
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443", ...cluster } }],
    users: [{ name: "u", user }],
  };
}

describe("parseKubeconfig()", () => {
  it("takes certificates out of the current context", () => {
    const text = JSON.stringify(
      config(
        { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY") },
        { "certificate-authority-data": base64("CA") },
      ),
    );
    deepEqual(parseKubeconfig(text), {
      server: "https://127.0.0.1:6443",
      namespace: "shop",
      insecureSkipTlsVerify: false,
      ca: "CA",
      cert: "CERT",
      key: "KEY",
    });
  });

  it("takes a token", () => {
    deepEqual(parseKubeconfig(JSON.stringify(config({ token: "t" }))).token, "t");
  });

  // biome-ignore format: a table
  const refused = [
    ["apiVersion: v1", /is not JSON/],
    ["{}", /current-context is not set/],
    [JSON.stringify({ ...config({}), users: [] }), /users has no entry named "u"/],
    [JSON.stringify({ ...config({}), "current-context": "gone" }), /contexts has no entry named "gone"/],
    [JSON.stringify(config({ "client-key": "/some/file" })), /client-key names a file/],
  ] as const;
  for (const [text, message] of refused) {
    it(`refuses: ${message.source}`, () => {
      throws(() => parseKubeconfig(text), { name: "ClientError", code: "badKubeconfig", message });
    });
  }
});
