/**
 * One run of requests against one server: what was sent, and what came back in a form that can be
 * compared with another server's.
 *
 * What only this server could say is given a name: `$L1` for an id that it chose, `$peerUrl` for its
 * address. Requests may use such a name; answers are told with it.
 */
import { type Ended, type OpenStream, RawClient } from "./client.ts";
import { decodeMessage, encodeMessage, type Json, type Message } from "./protobuf.ts";
import { methodOf } from "./schema.ts";
import type { Deed, RunningServer } from "./servers.ts";

/** What is sent, or waited for. */
export type Request =
  | {
      readonly call: string;
      readonly request: Message;
      readonly metadata?: Readonly<Record<string, string>>;
      /** Names for what the answer holds: path -> name. */
      readonly bind?: Readonly<Record<string, string>>;
      /** Fields of the answer, at any depth, of which only is compared whether they are there. */
      readonly opaque?: readonly string[];
      /** Which member of a cluster is asked, as {@link RunningServer.members} names it. */
      readonly at?: string;
    }
  | {
      readonly open: string;
      readonly stream: string;
      readonly at?: string;
      readonly metadata?: Readonly<Record<string, string>>;
    }
  | { readonly send: string; readonly request: Message }
  | { readonly finish: string }
  | { readonly cancel: string }
  /** All that a stream has to say. `merge`: events of one watch are told as one, however they came. */
  | { readonly take: string; readonly merge?: boolean }
  /** `onlyEtcd`: for a loop of etcd's that ours has no need of. */
  | { readonly waitMs: number; readonly onlyEtcd?: boolean }
  /** Done to a member of a cluster. */
  | { readonly do: Deed; readonly to: string }
  /** Sent at once, for what takes its time to be refused. */
  | { readonly together: readonly Request[] };

/** A request with its answer: what came, and the code and text of an error. */
export type Step = Request & {
  /** Of requests that were sent together. */
  readonly steps?: readonly Step[];
  readonly answer?: Message;
  readonly answers?: readonly Message[];
  readonly error?: readonly [code: number, text: string];
};

/** A stream that says nothing for so long has said all; more than a turn of etcd's 100 ms loops. */
const quietMs = 350;
/** How long a stream is given to say what is expected of it. */
const patienceMs = 4_000;

/** Sends requests to one server, one after the other. */
export class Session {
  readonly #server: RunningServer;
  readonly #clients = new Map<string, RawClient>();
  readonly #names = new Map<string, string>();
  readonly #values = new Map<string, string>();
  readonly #streams = new Map<string, { readonly method: string; readonly stream: OpenStream }>();

  constructor(server: RunningServer) {
    this.#server = server;
    this.#name("$peerUrl", server.peerUrl);
    this.#name("$clientUrl", server.clientUrl);
    for (const [name, value] of Object.entries(server.members?.names ?? {})) {
      this.#name(name, value);
    }
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.cancel();
    for (const client of this.#clients.values()) client.close();
  }

  /** `expected`: how many answers a stream should give; without it, it is listened to until it is quiet. */
  async run(request: Request, expected?: Step): Promise<Step> {
    if ("call" in request) return this.#call(request);
    if ("open" in request) {
      const { path } = methodOf(request.open);
      const metadata = this.#resolve(request.metadata ?? {}) as Record<string, string>;
      const stream = this.#client(request.at).open(path, metadata);
      this.#streams.set(request.stream, { method: request.open, stream });
    } else if ("send" in request) {
      const { method, stream } = this.#stream(request.send);
      const message = this.#resolve(request.request) as Message;
      stream.send(encodeMessage(methodOf(method).request, message));
    } else if ("finish" in request) this.#stream(request.finish).stream.finish();
    else if ("cancel" in request) this.#stream(request.cancel).stream.cancel();
    else if ("take" in request) return this.#take(request, expected);
    else if ("together" in request) {
      return { ...request, steps: await Promise.all(request.together.map((one) => this.run(one))) };
    } else if ("do" in request) await this.#server.members?.perform(request.do, request.to);
    else if (request.onlyEtcd !== true || this.#server.side === "etcd") {
      await new Promise((resolve) => setTimeout(resolve, request.waitMs));
    }
    return request;
  }

  async #call(request: Extract<Request, { readonly call: string }>): Promise<Step> {
    const method = methodOf(request.call);
    const client = this.#client(request.at);
    const bytes = encodeMessage(method.request, this.#resolve(request.request) as Message);
    const metadata = this.#resolve(request.metadata ?? {}) as Record<string, string>;
    if (method.kind === "serverStream") {
      const { code, text, answers } = await client.all(method.path, bytes, metadata);
      const told = answers.map((one) => this.#tell(method.response, one));
      return { ...request, answers: told, ...(code !== 0 && { error: errorOf({ code, text }) }) };
    }
    const { code, text, answer } = await client.unary(method.path, bytes, metadata);
    if (answer === undefined) return { ...request, error: errorOf({ code, text }) };
    const decoded = decodeMessage(method.response, answer);
    for (const [path, name] of Object.entries(request.bind ?? {})) {
      this.#name(name, String(valueAt(decoded, path)));
    }
    return {
      ...request,
      answer: hide(sorted(this.#tell(method.response, answer)), request.opaque ?? []),
    };
  }

  async #take(
    request: Extract<Request, { readonly take: string }>,
    expected: Step | undefined,
  ): Promise<Step> {
    const { method, stream } = this.#stream(request.take);
    const { response } = methodOf(method);
    const tell = (): readonly Message[] => {
      const told = stream.received.map((bytes) => this.#tell(response, bytes));
      return request.merge ? mergeEvents(told) : told;
    };
    if (expected === undefined) await quiet(stream);
    else await arrived(stream, expected, tell);
    const answers = tell();
    stream.received.length = 0;
    const { ended } = stream;
    return { ...request, answers, ...(ended && { error: errorOf(ended) }) };
  }

  #client(at = ""): RawClient {
    const known = this.#clients.get(at);
    if (known !== undefined) return known;
    const client = new RawClient(this.#server.members?.endpoint(at) ?? this.#server.endpoint);
    this.#clients.set(at, client);
    return client;
  }

  #stream(name: string): { readonly method: string; readonly stream: OpenStream } {
    const found = this.#streams.get(name);
    if (found === undefined) throw new Error(`no stream ${name}`);
    return found;
  }

  #name(name: string, value: string): void {
    this.#values.set(name, value);
    this.#names.set(value, name);
  }

  /** Puts in what names stand for. */
  #resolve(value: Json): Json {
    if (typeof value === "string")
      return this.#values.get(value) ?? (value.startsWith("$") ? 0 : value);
    return mapped(value, (one) => this.#resolve(one));
  }

  /** Puts in names for what they stand for, and of headers only says what two servers share. */
  #tell(type: string, bytes: Buffer): Message {
    return this.#named(decodeMessage(type, bytes)) as Message;
  }

  #named(value: Json): Json {
    if (typeof value === "object" && !Array.isArray(value)) {
      const { header } = value as { header?: Message };
      if (header !== undefined) {
        const rest = mapped(without(value as Message, "header"), (one) => this.#named(one));
        return { header: headerOf(header), ...(rest as Message) };
      }
    }
    if (typeof value === "string" || typeof value === "number") {
      return this.#names.get(String(value)) ?? value;
    }
    return mapped(value, (one) => this.#named(one));
  }
}

/** The ids and the term are only said to be there. */
function headerOf(header: Message): Json {
  const own = ["cluster_id", "member_id", "raft_term"];
  const lacking = own.filter((name) => header[name] === undefined);
  const revision = header["revision"];
  return {
    ...(revision !== undefined && { revision }),
    ...(lacking.length > 0 && { lacks: lacking.length === own.length ? "ids" : lacking }),
  };
}

function mapped(value: Json, map: (value: Json) => Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(map);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, map(one)]));
}

function without(message: Message, field: string): Message {
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== field));
}

function hide(message: Message, fields: readonly string[]): Message {
  if (fields.length === 0) return message;
  const hidden = (value: Json): Json => {
    if (typeof value !== "object") return value;
    if (Array.isArray(value)) return (value as readonly Json[]).map(hidden);
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([name, one]) => [name, fields.includes(name) ? "?" : hidden(one)]),
    );
  };
  return hidden(message) as Message;
}

/** The keys of a lease and alarms come in no order, members in that of ids which only one server gives. */
function sorted(answer: Message): Message {
  const { keys, members, alarms } = answer;
  const textOf = (value: Json): string => JSON.stringify(value);
  const inOrder = (values: Json): Json =>
    (values as readonly Json[]).toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  return {
    ...answer,
    ...(keys !== undefined && { keys: inOrder(keys) }),
    ...(members !== undefined && { members: inOrder(members) }),
    ...(alarms !== undefined && { alarms: inOrder(alarms) }),
  };
}

/**
 * Go's protobuf puts a space of one kind or the other into its texts, so that nobody relies on them;
 * grpc-js says how long it waited, and for whom.
 */
function errorOf({ code, text }: Ended): readonly [number, string] {
  return [code, text.replaceAll("\u00a0", " ").replace(/^(Deadline exceeded) after .*/s, "$1")];
}

function valueAt(message: Message, path: string): Json {
  let value: unknown = message;
  for (const name of path.split(".")) value = (value as Record<string, unknown>)[name];
  return value as Json;
}

/** Answers with events of the same watch in a row become one, without the header that each had. */
function mergeEvents(answers: readonly Message[]): readonly Message[] {
  const merged: Message[] = [];
  for (const answer of answers) {
    const events = answer["events"] as readonly Json[] | undefined;
    const last = merged.at(-1);
    if (events === undefined) merged.push(answer);
    else if (last?.["events"] !== undefined && last["watch_id"] === answer["watch_id"]) {
      merged[merged.length - 1] = { ...last, events: [...(last["events"] as Json[]), ...events] };
    } else merged.push(without(without(answer, "header"), "fragment"));
  }
  return merged;
}

async function quiet(stream: OpenStream): Promise<void> {
  for (let seen = -1; seen !== stream.received.length && stream.ended === undefined; ) {
    seen = stream.received.length;
    await stream.changed(quietMs);
  }
}

/** Waits for as much as is expected; what is wrong with it is for the comparison to say. */
async function arrived(
  stream: OpenStream,
  expected: Step,
  tell: () => readonly Message[],
): Promise<void> {
  const end = Date.now() + patienceMs;
  const size = (answers: readonly Message[]): number =>
    answers.reduce((sum, { events }) => sum + 1 + ((events as Json[] | undefined)?.length ?? 0), 0);
  const enough = size(expected.answers ?? []);
  const isThere = (): boolean =>
    size(tell()) >= enough && (expected.error === undefined || stream.ended !== undefined);
  while (!isThere() && Date.now() < end) await stream.changed(end - Date.now());
}
