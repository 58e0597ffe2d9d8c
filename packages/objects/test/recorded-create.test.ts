import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json, KubeObject } from "../src/index.ts";
import { type CreateAnswer, create, resourceNamed, testdata } from "./fixtures.ts";

interface Case {
  readonly name: string;
  readonly resource: string;
  readonly object: Json;
  readonly answer: CreateAnswer;
}

/** Values that are different each time, or that the API server allocates. */
function comparable(object: KubeObject | undefined): unknown {
  if (object === undefined) return undefined;
  const { uid: _uid, creationTimestamp: _created, ...metadata } = object.metadata;
  const copy = JSON.parse(JSON.stringify({ ...object, metadata }));
  if (object.kind === "Service") {
    for (const name of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      delete copy.spec[name];
    }
  }
  return copy;
}

function causeTexts(answer: CreateAnswer): string[] {
  const texts = (answer.causes ?? []).map(
    (cause) => `${cause.field}: ${cause.reason}: ${cause.message}`,
  );
  return [...new Set(texts)].sort();
}

describe("a POST, compared with the recorded answers of kube-apiserver", () => {
  for (const { name, resource, object, answer } of testdata<Case[]>("create.json")) {
    it(`${resource}: ${name}`, () => {
      const ours = create(resourceNamed(resource), object);
      equal(ours.code, answer.code, ours.message);
      deepEqual(causeTexts(ours), causeTexts(answer));
      if (answer.message !== undefined) equal(ours.message, answer.message);
      deepEqual(comparable(ours.object), comparable(answer.object));
    });
  }
});
