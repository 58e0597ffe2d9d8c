/**
 * Serves the compiled packages to a browser as they are: no bundler, an import map instead.
 *
 * What a page loads are the very files that Node loads.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { repository } from "./test-cluster.ts";

/** Packages that run in a page. */
const packages = ["base", "consensus", "store", "wal", "replica", "sim"];

export interface PageHost {
  readonly url: string;
  close(): Promise<void>;
}

/** Listens on a free port of this machine. */
export async function openPageHost(): Promise<PageHost> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const content = pathname === "/" ? Promise.resolve(page()) : script(pathname);
    content.then(
      (body) => {
        const type = pathname === "/" ? "text/html" : "text/javascript";
        response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => closed(server) };
}

function page(): string {
  const imports = Object.fromEntries(
    packages.map((name) => [`@flotilla/${name}`, `/packages/${name}/dist/src/index.js`]),
  );
  const map = JSON.stringify({ imports });
  return `<!doctype html><title>Flotilla</title><script type="importmap">${map}</script>`;
}

function script(pathname: string): Promise<Buffer> {
  const path = normalize(pathname);
  if (!/^\/packages\/[a-z-]+\/dist\/src\/.+\.js$/.test(path))
    return Promise.reject(new Error("no"));
  return readFile(join(repository, path));
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
