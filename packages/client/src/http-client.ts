/**
 * `ObjectClient` over HTTPS: typed objects in, Kubernetes' REST API out.
 *
 * Translates status answers into outcomes; the network is the transport's business.
 */
import { assert } from "@flotilla/base";
import type { Json, KubeObject, Resource, Status } from "@flotilla/objects";
import { ClientError } from "./errors.ts";
import { LineSplitter } from "./line-splitter.ts";
import type {
  ListOptions,
  ObjectClient,
  ObjectEvent,
  ObjectList,
  ObjectName,
  WatchOptions,
  WriteOutcome,
} from "./object-client.ts";
import { pathOf, queryOf } from "./paths.ts";
import { Transport, type TransportOptions, type TransportRequest } from "./transport.ts";

export interface HttpClientOptions extends TransportOptions {
  /** A watch that is silent for longer has lost its server: bookmarks come every 2 s. Default 5,000. */
  readonly watchIdleMs?: number;
}

/** An {@link ObjectClient} that holds connections. */
export interface HttpClient extends ObjectClient {
  /** Closes all connections; what is in flight fails. */
  close(): void;
}

/**
 * A server that hangs (its process is stopped, its machine is gone) holds a request that may be
 * repeated no longer than this; a heartbeat less, because a node is given up after a few seconds.
 */
const repeatableAnswerMs = 3_000;
const heartbeatAnswerMs = 1_200;

/** Objects of one list request; more follow by its continue token. */
const pageSize = 500;

type DeleteOptions = NonNullable<Parameters<ObjectClient["delete"]>[2]>;

/** Connects lazily to any of `servers`, which are equal to each other. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new RestClient(options);
}

class RestClient implements HttpClient {
  readonly #transport: Transport;
  readonly #watchIdleMs: number;

  constructor(options: HttpClientOptions) {
    this.#transport = new Transport(options);
    this.#watchIdleMs = options.watchIdleMs ?? 5_000;
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: ObjectName): Promise<T | undefined> {
    const outcome = await this.#write<T>({
      method: "GET",
      path: pathOf(resource, name),
      repeatable: true,
    });
    if (outcome.kind === "ok") return outcome.object;
    if (outcome.kind === "notFound") return undefined;
    throw new ClientError("serverError", outcome.message);
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    for (let attempt = 0; ; attempt++) {
      const list = await this.#listPages(resource, options);
      if (list !== undefined) return list;
      // The snapshot was compacted away between two pages.
      if (attempt === 2) throw new ClientError("serverError", "list expired three times");
    }
  }

  async #listPages<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions,
  ): Promise<ObjectList<T> | undefined> {
    const items: T[] = [];
    let continuation: string | undefined;
    for (;;) {
      const query = { ...selectorsOf(options), limit: String(pageSize), continue: continuation };
      const path = pathOf(resource, { namespace: options.namespace }) + queryOf(query);
      const response = await this.#transport.send({ method: "GET", path, repeatable: true });
      const body = await this.#transport.readJson(response);
      if (response.status === 410) return undefined;
      if (response.status !== 200) throw errorOf(response.status, body);
      const page = asList<T>(body);
      for (const item of page.items) items.push(withType(resource, item));
      continuation = page.metadata.continue;
      if (continuation === undefined || continuation === "") {
        return { items, resourceVersion: page.metadata.resourceVersion };
      }
    }
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncGenerator<ObjectEvent<T>> {
    const query = {
      ...selectorsOf(options),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: options.resourceVersion,
    };
    const response = await this.#transport.send({
      method: "GET",
      path: pathOf(resource, { namespace: options.namespace }) + queryOf(query),
      repeatable: true,
      stream: true,
      signal: options.signal,
    });
    if (response.status !== 200) {
      const body = await this.#transport.readJson(response);
      if (response.status !== 410) throw errorOf(response.status, body);
      yield { kind: "expired" };
      return;
    }
    const splitter = new LineSplitter();
    for await (const chunk of this.#transport.chunks(response, this.#watchIdleMs)) {
      for (const line of splitter.push(chunk)) {
        const event = parseEvent<T>(line);
        if (event === undefined) continue;
        yield event;
        if (event.kind === "expired") return;
      }
    }
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    const path = pathOf(resource, { namespace: object.metadata.namespace });
    return this.#write({ method: "POST", path, body: object, repeatable: false });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    return this.#put(resource, object, undefined);
  }

  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    return this.#put(resource, object, "status");
  }

  #put<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    subresource: "status" | undefined,
  ): Promise<WriteOutcome<T>> {
    const { namespace, name, resourceVersion } = object.metadata;
    // Sent twice it can only conflict; a heartbeat is the same said twice.
    const isHeartbeat = resource.plural === "leases";
    const repeatable = resourceVersion !== undefined || isHeartbeat;
    const path = pathOf(resource, { namespace, name, subresource });
    return this.#write({
      method: "PUT",
      path,
      body: object,
      repeatable,
      ...(isHeartbeat ? { answerMs: heartbeatAnswerMs } : {}),
    });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Json,
    options: { readonly subresource?: "status" | "scale" } = {},
  ): Promise<WriteOutcome<T>> {
    return this.#write({
      method: "PATCH",
      path: pathOf(resource, { ...name, subresource: options.subresource }),
      contentType: "application/merge-patch+json",
      body: patch,
      repeatable: false,
    });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<WriteOutcome<T | undefined>> {
    const { uid, resourceVersion, gracePeriodSeconds } = options;
    const outcome = await this.#write<T | Status>({
      method: "DELETE",
      path: pathOf(resource, name),
      repeatable: uid !== undefined || resourceVersion !== undefined,
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: "Background",
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
        ...(uid === undefined && resourceVersion === undefined
          ? {}
          : {
              preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
            }),
      },
    });
    if (outcome.kind !== "ok") return outcome;
    const object = outcome.object.kind === "Status" ? undefined : (outcome.object as T);
    return { kind: "ok", object };
  }

  async bind(
    pod: ObjectName & { readonly uid?: string },
    nodeName: string,
  ): Promise<WriteOutcome<undefined>> {
    const { namespace = "default", name, uid } = pod;
    const outcome = await this.#write<Status>({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`,
      repeatable: false,
      body: {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      },
    });
    return outcome.kind === "ok" ? { kind: "ok", object: undefined } : outcome;
  }

  close(): void {
    this.#transport.close();
  }

  async #write<T>(request: TransportRequest): Promise<WriteOutcome<T>> {
    const answerMs = request.repeatable ? { answerMs: repeatableAnswerMs } : {};
    const response = await this.#transport.send({ ...answerMs, ...request });
    const body = await this.#transport.readJson(response);
    if (response.status >= 200 && response.status < 300) return { kind: "ok", object: body as T };
    return refusalOf(response.status, body);
  }
}

function selectorsOf(options: ListOptions): Record<string, string | undefined> {
  return { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
}

interface ListBody<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

function asList<T>(body: unknown): ListBody<T> {
  const list = body as Partial<ListBody<T>> | null;
  if (!Array.isArray(list?.items) || typeof list.metadata?.resourceVersion !== "string") {
    throw new ClientError("badResponse", "answer is not a list");
  }
  return list as ListBody<T>;
}

/** Items of a Kubernetes list leave out what its head says for all. */
function withType<T extends KubeObject>(resource: Resource<T>, item: T): T {
  if (item.kind !== undefined) return item;
  const { group, version, kind } = resource;
  return { ...item, apiVersion: group === "" ? version : `${group}/${version}`, kind };
}

const eventKinds = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted" } as const;

/** Undefined for a bookmark, which only shows that the server is there. */
function parseEvent<T extends KubeObject>(line: string): ObjectEvent<T> | undefined {
  let event: { readonly type?: string; readonly object?: unknown };
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new ClientError("badResponse", "watch line is not JSON", { cause });
  }
  if (event.type === "BOOKMARK") return undefined;
  if (event.type === "ERROR") {
    const status = event.object as Status;
    if (status?.code === 410) return { kind: "expired" };
    throw errorOf(status?.code ?? 500, status);
  }
  const kind = eventKinds[event.type as keyof typeof eventKinds];
  if (kind === undefined) throw new ClientError("badResponse", "watch line has no known type");
  return { kind, object: event.object as T };
}

function refusalOf(status: number, body: unknown): Exclude<WriteOutcome<never>, { kind: "ok" }> {
  const { reason, message = `status ${status}` } = (body ?? {}) as Partial<Status>;
  if (status === 404) return { kind: "notFound", message };
  if (status === 409) {
    return { kind: reason === "AlreadyExists" ? "alreadyExists" : "conflict", message };
  }
  if (status === 400 || status === 403 || status === 413 || status === 415 || status === 422) {
    return { kind: "invalid", message };
  }
  throw errorOf(status, body);
}

function errorOf(status: number, body: unknown): ClientError {
  assert(status >= 300, "client: a success is no error");
  const message = (body as Partial<Status> | null)?.message ?? `status ${status}`;
  if (status === 401) return new ClientError("unauthorized", message, { status });
  if (status === 403) return new ClientError("forbidden", message, { status });
  if (status === 429) return new ClientError("unavailable", message, { status });
  if (status === 504) return new ClientError("outcomeUnknown", message, { status });
  return new ClientError("serverError", message, { status });
}
