/**
 * `ObjectClient` in process, for the controllers and the scheduler that run beside the leader.
 *
 * No HTTP, the same validation. Reads are the leader's own state, never older than its own writes.
 * Every write is bound to the leader's term: the store itself refuses it afterwards, and the outcome
 * is `fenced`. Objects that are read are shared and frozen: copy them to change them.
 */
import {
  ClientError,
  type ListOptions as ClientListOptions,
  type ObjectClient,
  type ObjectEvent,
  type ObjectList,
  type ObjectName,
  type Refusal,
  type WatchOptions,
  type WriteOutcome,
} from "@flotilla/client";
import {
  decodeObject,
  type Json,
  type KubeObject,
  mergePatch,
  type Resource,
} from "@flotilla/objects";
import type { KubeApi } from "./api.ts";
import { ApiError, badRequest, FencedError } from "./errors.ts";
import { type AdmitUpdate, admitStatusUpdate, admitUpdate } from "./registry/admission.ts";
import { bindPod } from "./registry/bind.ts";
import type { Target } from "./registry/context.ts";
import { createObject, type WriteRequest } from "./registry/create.ts";
import { deleteObject } from "./registry/delete.ts";
import { renewHeartbeat } from "./registry/heartbeat.ts";
import { parseResourceVersion } from "./registry/list-options.ts";
import { listObjects, readObject } from "./registry/read.ts";
import { applyScale, scaleOf } from "./registry/scale.ts";
import { selectionOf } from "./registry/selection.ts";
import { updateObject } from "./registry/update.ts";
import { ObjectWatch } from "./registry/watch.ts";

export interface LocalClientOptions {
  /** The leader's term; every write is refused in any other. */
  readonly onlyInTerm: number;
}

type DeleteOptions = NonNullable<Parameters<ObjectClient["delete"]>[2]>;

export function createLocalClient(api: KubeApi, options: LocalClientOptions): ObjectClient {
  return new LocalClient(api, options);
}

class LocalClient implements ObjectClient {
  readonly #api: KubeApi;
  readonly #request: WriteRequest;

  constructor(api: KubeApi, options: LocalClientOptions) {
    this.#api = api;
    this.#request = { onlyInTerm: options.onlyInTerm };
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: ObjectName): Promise<T | undefined> {
    try {
      const target = targetOf(resource, name);
      const decoded = await readObject(this.#api.context, target, { resourceVersion: "0" });
      return decoded.object as T;
    } catch (error) {
      if (error instanceof ApiError && error.reason === "NotFound") return undefined;
      throw clientError(error);
    }
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ClientListOptions = {},
  ): Promise<ObjectList<T>> {
    try {
      const page = await listObjects(
        this.#api.context,
        { resource, namespace: options.namespace },
        selectionOf(resource, options),
        localList,
      );
      const items = page.items.map(({ object }) => object as T);
      return { items, resourceVersion: String(page.revision) };
    } catch (error) {
      throw clientError(error);
    }
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncGenerator<ObjectEvent<T>> {
    const { signal, namespace } = options;
    const watch = new ObjectWatch(
      this.#api.context,
      { resource, namespace },
      selectionOf(resource, options),
      parseResourceVersion(options.resourceVersion),
    );
    const close = (): void => watch.close();
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    try {
      for (;;) {
        const step = await watch.next();
        if (step.kind === "closed") return;
        if (step.kind === "expired") {
          yield { kind: "expired" };
          return;
        }
        if (step.kind === "woken") continue;
        for (const { kind, decoded } of step.changes) yield { kind, object: decoded.object as T };
      }
    } finally {
      signal.removeEventListener("abort", close);
      watch.close();
    }
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    return outcomeOf(async () => {
      const decoded = decode(resource, object);
      const namespace = resource.namespaced ? (object.metadata.namespace ?? "default") : undefined;
      const collection = { resource, namespace };
      return createObject(this.#api.context, collection, decoded, this.#request) as Promise<T>;
    });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    return outcomeOf(async () => {
      const decoded = decode(resource, object);
      const target = targetOf(resource, object.metadata);
      const renewed = await renewHeartbeat(this.#api.context, target, decoded);
      return (renewed ?? (await this.#update(target, () => decoded, admitUpdate))) as T;
    });
  }

  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    return outcomeOf(async () => {
      const decoded = decode(resource, object);
      const target = targetOf(resource, object.metadata);
      return (await this.#update(target, () => decoded, admitStatusUpdate)) as T;
    });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Json,
    options: { readonly subresource?: "status" | "scale" } = {},
  ): Promise<WriteOutcome<T>> {
    return outcomeOf(async () => {
      const change = (current: KubeObject): KubeObject => {
        if (options.subresource === "scale") {
          return applyScale(current, merged(scaleOf(current), patch));
        }
        return decode(resource, merged(current, patch));
      };
      const admit = options.subresource === "status" ? admitStatusUpdate : admitUpdate;
      return (await this.#update(targetOf(resource, name), change, admit)) as T;
    });
  }

  delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<WriteOutcome<T | undefined>> {
    return outcomeOf(async () => {
      const target = targetOf(resource, name);
      const written = await deleteObject(this.#api.context, target, options, this.#request);
      return written.object as T;
    });
  }

  bind(
    pod: ObjectName & { readonly uid?: string },
    nodeName: string,
  ): Promise<WriteOutcome<undefined>> {
    return outcomeOf(async () => {
      const { namespace = "default", name, uid } = pod;
      const binding = { namespace, name, nodeName, ...(uid === undefined ? {} : { uid }) };
      await bindPod(this.#api.context, binding, this.#request);
      return undefined;
    });
  }

  async #update(
    target: Target,
    change: (current: KubeObject) => KubeObject,
    admit: AdmitUpdate,
  ): Promise<KubeObject> {
    const { context } = this.#api;
    return (await updateObject(context, target, this.#request, change, admit)).object;
  }
}

const localList = {
  watch: false,
  limit: 0,
  continuation: "",
  resourceVersion: "0",
  resourceVersionMatch: "",
  sendInitialEvents: undefined,
  allowWatchBookmarks: false,
  timeoutSeconds: 0,
} as const;

function targetOf(resource: Resource, name: ObjectName): Target {
  const namespace = resource.namespaced ? (name.namespace ?? "default") : undefined;
  return { resource, namespace, name: name.name };
}

function decode(resource: Resource, object: KubeObject | Json): KubeObject {
  const decoded = decodeObject(resource, object as Json, { fieldValidation: "Strict" });
  if (decoded.kind === "badRequest") throw badRequest(decoded.message);
  return decoded.object;
}

function merged(current: KubeObject, patch: Json): Json {
  const outcome = mergePatch(current as unknown as Json, patch);
  if (outcome.kind === "ok") return outcome.object;
  throw badRequest(outcome.message);
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<WriteOutcome<T>> {
  try {
    return { kind: "ok", object: await work() };
  } catch (error) {
    if (error instanceof FencedError) return { kind: "fenced", message: error.message };
    const refusal = refusalOf(error);
    if (refusal !== undefined) return refusal;
    throw clientError(error);
  }
}

function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { message } = error;
  switch (error.reason) {
    case "NotFound":
      return { kind: "notFound", message };
    case "AlreadyExists":
      return { kind: "alreadyExists", message };
    case "Conflict":
      return { kind: "conflict", message };
    case "BadRequest":
    case "Forbidden":
    case "Invalid":
    case "MethodNotAllowed":
    case "RequestEntityTooLarge":
    case "UnsupportedMediaType":
      return { kind: "invalid", message };
    default:
      return undefined;
  }
}

function clientError(error: unknown): Error {
  // An abort, and a bug, are what they are.
  if (error instanceof Error && error.name === "AbortError") return error;
  const answer = ApiError.from(error);
  if (answer.reason === "InternalError" && error instanceof Error) return error;
  const code =
    answer.reason === "Timeout"
      ? "outcomeUnknown"
      : answer.reason === "ServiceUnavailable" || answer.reason === "TooManyRequests"
        ? "unavailable"
        : "serverError";
  return new ClientError(code, answer.message, { status: answer.code, cause: error });
}
