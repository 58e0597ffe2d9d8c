import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage, Prng } from "@flotilla/base";
import { decodeObject, decodeProtobuf, type Json } from "../src/index.ts";
import { resourceNamed, testdata } from "./fixtures.ts";

interface Case {
  readonly resource: string;
  readonly object: Json;
  /** base64 */
  readonly protobuf: string;
}
const cases = testdata<Case[]>("protobuf.json");

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

/** An envelope around a raw message. */
function envelope(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  const unknown = encodeMessage((writer) => {
    writer.fieldMessage(1, (type) => {
      type.fieldText(1, apiVersion);
      type.fieldText(2, kind);
    });
    writer.fieldBytesAlways(2, raw);
  });
  return new Uint8Array([0x6b, 0x38, 0x73, 0x00, ...unknown]);
}

describe("decodeProtobuf()", () => {
  for (const [index, { resource, object, protobuf }] of cases.entries()) {
    it(`reads what kube-apiserver encodes: ${resource} ${index}`, () => {
      const json = decodeProtobuf(bytesOf(protobuf));
      const options = { fieldValidation: "Strict" } as const;
      const ours = decodeObject(resourceNamed(resource), json ?? null, options);
      const theirs = decodeObject(resourceNamed(resource), object, options);
      equal(ours.kind, "ok", JSON.stringify(ours));
      deepEqual(ours, theirs);
    });
  }

  it("reads the options of a deletion", () => {
    const raw = encodeMessage((writer) => {
      writer.fieldVarint(1, 30);
      writer.fieldText(4, "Background");
    });
    deepEqual(decodeProtobuf(envelope("v1", "DeleteOptions", raw)), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: 30,
      propagationPolicy: "Background",
    });
  });

  it("keeps a key called __proto__ as a key", () => {
    const raw = encodeMessage((writer) => {
      writer.fieldMessage(2, (entry) => {
        entry.fieldText(1, "__proto__");
        entry.fieldText(2, "x");
      });
    });
    const json = decodeProtobuf(envelope("v1", "ConfigMap", raw)) as { data: object };
    deepEqual(Object.keys(json.data), ["__proto__"]);
  });

  it("skips fields that it does not know", () => {
    const raw = encodeMessage((writer) => {
      writer.fieldText(99, "from the future");
    });
    const json = { apiVersion: "v1", kind: "ConfigMap" };
    deepEqual(decodeProtobuf(envelope("v1", "ConfigMap", raw)), json);
  });

  it("refuses other kinds, JSON, nothing, and a wrong wire type", () => {
    equal(decodeProtobuf(envelope("v1", "Secret", new Uint8Array(0))), undefined);
    equal(decodeProtobuf(new TextEncoder().encode('{"kind":"Pod"}')), undefined);
    equal(decodeProtobuf(new Uint8Array(0)), undefined);
    const raw = encodeMessage((writer) => writer.fieldVarint(1, 5));
    equal(decodeProtobuf(envelope("v1", "Pod", raw)), undefined);
  });

  it("never throws on damaged bytes (2000 seeds)", () => {
    const whole = bytesOf(cases.at(-1)?.protobuf ?? "");
    for (let seed = 0; seed < 2000; seed++) {
      const prng = new Prng(seed);
      const damaged = whole.slice(0, prng.between(5, whole.length));
      for (let count = prng.below(4); count > 0; count--) {
        damaged[prng.between(4, damaged.length - 1)] = prng.below(256);
      }
      try {
        decodeProtobuf(damaged);
      } catch (error) {
        throw new Error(`seed=${seed}`, { cause: error });
      }
    }
  });
});
