/** What the tests share: test data, and the way of an object through all that the API server does. */
import { readFileSync } from "node:fs";
import { Prng } from "@flotilla/base";
import {
  allResources,
  applyDefaults,
  decodeObject,
  invalidMessage,
  type Json,
  type KubeObject,
  prepareForCreate,
  type Resource,
  validate,
} from "../src/index.ts";
import type { FieldCause } from "../src/validation/field-cause.ts";

/** A file of test/testdata; the compiled test is two directories deeper. */
export function testdata<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../test/testdata/${name}`, import.meta.url), "utf8"));
}

export function resourceNamed(plural: string): Resource {
  const found = allResources.find((resource) => resource.plural === plural);
  if (found === undefined) throw new Error(`no resource ${plural}`);
  return found;
}

export interface CreateAnswer {
  readonly code: number;
  readonly message?: string;
  readonly causes?: readonly FieldCause[];
  readonly object?: KubeObject;
}

/** 2026-11-22T03:00:00Z */
export const nowMs = 1_795_316_400_000;

/** Decodes strictly, fills in defaults, prepares and validates: what POST does before it stores. */
export function create(resource: Resource, json: Json): CreateAnswer {
  const decoded = decodeObject(resource, json, { fieldValidation: "Strict" });
  if (decoded.kind === "badRequest") return { code: 400, message: decoded.message };
  const object = prepareForCreate(resource, applyDefaults(resource, decoded.object), {
    nowMs,
    uid: "00000000-0000-4000-8000-000000000001",
    random: new Prng(1),
    ...(resource.namespaced ? { namespace: "default" } : {}),
  });
  const causes = validate(resource, object);
  if (causes.length === 0) return { code: 201, object };
  const message = invalidMessage(resource, object.metadata.name, causes);
  return { code: 422, message, causes };
}

/** A decoded object with its defaults; fails the test when it is refused. */
export function made<T extends KubeObject>(resource: Resource<T>, json: unknown): T {
  const { object, message } = create(resource, json as Json);
  if (object === undefined) throw new Error(message);
  return object as T;
}

/** A pod of one container; `spec` and `status` are merged over it. */
export function podJson(spec: object = {}, status?: object): Json {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
    ...(status === undefined ? {} : { status: status as Json }),
  };
}

/** A deployment "web" of one container. */
export function deploymentJson(spec: object = {}): Json {
  const labels = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1" }] } },
      ...spec,
    },
  };
}
