/** A client made by grpc-js and proto-loader from descriptions of the wire of our own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { repository } from "./test-cluster.ts";

/** A message as proto-loader has it. */
// biome-ignore lint/suspicious/noExplicitAny: what is in it is for the description to say.
export type Told = any;

const folder = join(repository, "tests", "testdata", "etcd");
const files = ["store.proto", "lock.proto", "election.proto"];
const packages: Readonly<Record<string, string>> = { Lock: "v3lockpb", Election: "v3electionpb" };
const deadlineMs = 10_000;

/** Files of what a client shows, and whom it trusts. */
export interface ClientFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** One connection to one server; a client for each service on it. */
export class ProtoClient {
  readonly #clients = new Map<string, Told>();
  readonly #endpoint: string;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #described: Told;
  /** Sent with every call. */
  readonly metadata: grpc.Metadata = new grpc.Metadata();

  constructor(endpoint: string, { caFile, certFile, keyFile }: ClientFiles) {
    const [ca = null, key, certificate] = [caFile, keyFile, certFile].map((file) =>
      readFileSync(file),
    );
    this.#endpoint = endpoint;
    this.#credentials = grpc.credentials.createSsl(ca, key, certificate);
    const options = {
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      includeDirs: [folder],
    };
    this.#described = grpc.loadPackageDefinition(loadSync(files, options));
  }

  /** One request, one answer: `call("KV", "Put", {...})`. */
  call(service: string, method: string, request: object = {}): Promise<Told> {
    const client = this.#client(service);
    const deadline = Date.now() + deadlineMs;
    return new Promise((resolve, reject) => {
      client[method](
        request,
        this.metadata,
        { deadline },
        (error: grpc.ServiceError | null, answer: Told) =>
          error ? reject(error) : resolve(answer),
      );
    });
  }

  /** A stream of both sides: `write`, `end`, `cancel`, and "data". */
  open(service: string, method: string): grpc.ClientDuplexStream<object, Told> {
    return this.#client(service)[method](this.metadata);
  }

  /** A stream of answers to one request. */
  stream(service: string, method: string, request: object): grpc.ClientReadableStream<Told> {
    return this.#client(service)[method](request, this.metadata);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(service: string): Told {
    const known = this.#clients.get(service);
    if (known !== undefined) return known;
    const Service = this.#described[packages[service] ?? "etcdserverpb"][service];
    const client = new Service(this.#endpoint, this.#credentials, {
      "grpc.ssl_target_name_override": "localhost",
    });
    this.#clients.set(service, client);
    return client;
  }
}
