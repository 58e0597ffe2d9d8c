/** One call of the gateway over HTTP/1. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { TextDecoder } from "node:util";
import { GrpcError, type Status, statusCode } from "@flotilla/grpc";
import type { AnswerSink } from "../gateway/call.ts";
import type { Exchange } from "../gateway/gateway.ts";
import { httpStatusOf, statusJson } from "../gateway/http-status.ts";
import { httpBodyBytesMax, httpBodyMs } from "../limits.ts";
import { jsonAnswer, sendAnswer } from "./answer.ts";

/** On every answer that a method has given. */
const answerHeaders = {
  "Content-Type": "application/json",
  "Grpc-Metadata-Content-Type": "application/grpc",
};

/** Of a stream that has failed before its first answer. */
const faultHeaders = { "Content-Type": "application/json" };

export class HttpExchange implements Exchange, AnswerSink {
  readonly request: IncomingMessage;
  readonly body: AsyncIterable<string>;
  readonly #response: ServerResponse;

  /** `isStream`: the body may be of any length and take any time. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { isStream }: { readonly isStream: boolean },
  ) {
    this.request = request;
    this.#response = response;
    this.body = isStream ? textOfBody(request) : boundedText(request);
    if (isStream) response.on("error", () => request.destroy());
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.request.socket;
    return `${remoteAddress}:${remotePort}`;
  }

  get stream(): AnswerSink {
    return this;
  }

  get waitingBytes(): number {
    return this.#response.writableLength;
  }

  write(json: string): boolean {
    const response = this.#response;
    if (!response.headersSent) {
      response.writeHead(200, answerHeaders);
    }
    return response.write(`{"result":${json}}\n`);
  }

  drained(): Promise<void> {
    const response = this.#response;
    if (!response.writableNeedDrain || response.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        response.off("drain", done);
        response.off("close", done);
        resolve();
      };
      response.on("drain", done);
      response.on("close", done);
    });
  }

  answer(json: string): void {
    sendAnswer(this.#response, { status: 200, headers: answerHeaders, body: json });
  }

  refuse(status: Status): void {
    sendAnswer(this.#response, jsonAnswer(httpStatusOf(status.code), statusJson(status)));
    this.#endRequest();
  }

  end(status: Status | undefined): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (status === undefined) {
      if (!response.headersSent) response.writeHead(200);
      response.end();
    } else {
      if (!response.headersSent) response.writeHead(httpStatusOf(status.code), faultHeaders);
      response.end(`{"error":${statusJson(status)}}\n`);
    }
    this.#endRequest();
  }

  /** What of the body has not come by now would be taken for the next request. */
  #endRequest(): void {
    if (!this.request.complete) this.#response.once("finish", () => this.request.destroy());
  }

  onGone(callback: () => void): void {
    this.#response.once("close", callback);
  }
}

/** Left before its end it loses what is left of the body, and not the connection, as it else would. */
async function* textOfBody(body: IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of body.iterator({ destroyOnReturn: false })) {
      yield decodedText(decoder, bytes);
    }
    yield decodedText(decoder, undefined);
  } finally {
    body.resume();
  }
}

/** The same, within limits of size and time. */
async function* boundedText(request: IncomingMessage): AsyncGenerator<string> {
  let size = 0;
  const late = setTimeout(() => request.destroy(), httpBodyMs);
  try {
    for await (const text of textOfBody(request)) {
      size += text.length;
      if (size > httpBodyBytesMax) {
        throw new GrpcError(
          statusCode.resourceExhausted,
          `grpc: received message larger than max (a body of more than ${httpBodyBytesMax} bytes)`,
        );
      }
      yield text;
    }
  } finally {
    clearTimeout(late);
  }
}

function decodedText(decoder: TextDecoder, bytes: Buffer | undefined): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    // TextDecoder says no more than that.
    throw new GrpcError(statusCode.invalidArgument, "proto: invalid UTF-8 in string");
  }
}
