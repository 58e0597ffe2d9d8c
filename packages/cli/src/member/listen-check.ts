/** Whether a member can listen where it is told to: found out, as etcd does, before it makes any file. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { CommandError, reasonOf } from "../exit.ts";
import { bindHost, bindingOf } from "./urls.ts";

/** Listens to all of them for a moment. Throws `CommandError` for the first one that cannot be had. */
export async function checkListening(urls: readonly string[]): Promise<void> {
  const servers: Server[] = [];
  try {
    for (const url of urls) servers.push(await listenTo(url));
  } finally {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }
}

async function listenTo(url: string): Promise<Server> {
  const { host, port } = bindingOf(url);
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: bindHost(host), port });
    await once(server, "listening");
    return server;
  } catch (error) {
    const text = `Cannot listen on ${url}: ${reasonOf(error)}`;
    throw new CommandError("localIo", text, undefined, error);
  }
}
