/** Servers that behave as a test says, and an object client that plays a script. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import type { ConfigMap } from "@flotilla/objects";

export interface FakeServer {
  readonly url: string;
  /** "GET /path" of each request, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** A plain HTTP server on a free port. */
export async function fakeServer(listener: http.RequestListener): Promise<FakeServer> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An address at which nobody listens. */
export async function deadUrl(): Promise<string> {
  const server = await fakeServer(() => {});
  await server.close();
  return server.url;
}

export function answer(status: number, body: unknown): http.RequestListener {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
}

/** Cuts the connection in the middle of a request. */
export const hangUp: http.RequestListener = (request) => {
  request.socket.destroy();
};

export function configMap(name: string, resourceVersion?: string): ConfigMap {
  const version = resourceVersion === undefined ? {} : { resourceVersion };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "default", ...version },
  };
}
