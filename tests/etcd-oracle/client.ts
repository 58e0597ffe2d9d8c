/** A client that sends and takes bytes, over grpc-js. */
import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";

/** How a call ended: gRPC's code and text. */
export interface Ended {
  readonly code: number;
  readonly text: string;
}

/** A stream that is open: what came so far, and how it ended, once it has. */
export interface OpenStream {
  readonly received: Buffer[];
  readonly ended: Ended | undefined;
  send(bytes: Buffer): void;
  /** Says that nothing more will be sent. */
  finish(): void;
  cancel(): void;
  /** Resolves when something came or the stream ended, or after `timeoutMs`. */
  changed(timeoutMs: number): Promise<void>;
}

/** What a client shows a server with TLS, and whose word it takes for who that is. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The most that an answer may have: more than any of the corpus. */
const messageBytesMax = 512 * 1024 * 1024;
/** No call of the corpus takes longer. */
const deadlineMs = 20_000;

const asIs = (bytes: Buffer): Buffer => bytes;

/** One connection to one server. */
export class RawClient {
  readonly #client: grpc.Client;

  constructor(endpoint: string, tls?: TlsFiles) {
    this.#client = new grpc.Client(endpoint, credentialsOf(tls), {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.use_local_subchannel_pool": 1,
      ...(tls && { "grpc.ssl_target_name_override": "localhost" }), // No name may be an address.
    });
  }

  close(): void {
    this.#client.close();
  }

  unary(
    path: string,
    request: Buffer,
    metadata: Readonly<Record<string, string>>,
    withinMs: number = deadlineMs,
  ): Promise<Ended & { readonly answer: Buffer | undefined }> {
    const options = { deadline: Date.now() + withinMs };
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        request,
        metadataOf(metadata),
        options,
        (error, answer) => resolve({ code: error?.code ?? 0, text: error?.details ?? "", answer }),
      );
    });
  }

  open(path: string, metadata: Readonly<Record<string, string>>): OpenStream {
    return new Stream(
      this.#client.makeBidiStreamRequest(path, asIs, asIs, metadataOf(metadata), {}),
    );
  }

  /** One request, every answer until the end. */
  async all(
    path: string,
    request: Buffer,
    metadata: Readonly<Record<string, string>>,
  ): Promise<Ended & { readonly answers: readonly Buffer[] }> {
    const stream = this.open(path, metadata);
    stream.send(request);
    stream.finish();
    const end = Date.now() + deadlineMs;
    while (stream.ended === undefined) {
      if (Date.now() > end) throw new Error(`${path} does not end`);
      await stream.changed(end - Date.now());
    }
    return { ...stream.ended, answers: stream.received };
  }
}

class Stream implements OpenStream {
  readonly received: Buffer[] = [];
  ended: Ended | undefined;
  readonly #call: grpc.ClientDuplexStream<Buffer, Buffer>;
  #onChange: () => void = () => {};

  constructor(call: grpc.ClientDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    call.on("data", (bytes: Buffer) => {
      this.received.push(bytes);
      this.#onChange();
    });
    call.on("error", () => {}); // Told by "status".
    call.on("status", ({ code, details }) => {
      this.ended = { code, text: details };
      this.#onChange();
    });
  }

  send(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  finish(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  changed(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onChange = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function credentialsOf(tls: TlsFiles | undefined): grpc.ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure();
  const [ca, key, certificate] = [tls.caFile, tls.keyFile, tls.certFile].map((file) =>
    readFileSync(file),
  );
  return grpc.credentials.createSsl(ca ?? null, key, certificate);
}

function metadataOf(entries: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}
