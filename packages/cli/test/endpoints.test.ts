// Which endpoint is asked, and what is said when none could do it.
import { equal, rejects } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { atAnyEndpoint } from "../src/endpoints.ts";
import type { EtcdCaller } from "../src/etcd-caller.ts";

const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

/** A member that ends every call with this status; with 0 it answers with an empty message. */
async function member(status: number, text = ""): Promise<string> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    const trailers = { "grpc-status": String(status), "grpc-message": encodeURIComponent(text) };
    const headers = { ":status": 200, "content-type": "application/grpc" };
    if (status !== 0) {
      stream.respond({ ...headers, ...trailers }, { endStream: true });
      return;
    }
    stream.respond(headers, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end(Buffer.alloc(5));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("atAnyEndpoint()", () => {
  const ask = (...urls: string[]) => {
    const options = { dataDir: "none", endpoints: urls.join(",") };
    const call = async (caller: EtcdCaller) => {
      await caller.range({ key: "k", prefix: false, keysOnly: false });
      return caller.url;
    };
    return atAnyEndpoint(options, call);
  };
  const learnerText = "etcdserver: rpc not supported for learner";

  it("goes past members that cannot do it", async () => {
    const works = await member(0);
    const [learner, alone] = [
      await member(9, learnerText),
      await member(14, "etcdserver: no leader"),
    ];
    equal(await ask("http://127.0.0.1:1", learner, alone, works), works);
  });

  it("says of each why, and whether another time may be better", async () => {
    const learner = await member(9, learnerText);
    await rejects(ask(learner), {
      code: "refused",
      message: `${learner} cannot do it: ${learnerText}`,
    });
    await rejects(ask(learner, "http://127.0.0.1:1"), {
      code: "cannotConnect",
      message:
        /^None of these members could do it:\n {2}http.* for learner\n {2}http.*ECONNREFUSED/,
    });
  });

  it("ends at a refusal, which is everybody's", async () => {
    const refuses = await member(7, "etcdserver: permission denied");
    const works = await member(0);
    await rejects(ask(refuses, works), {
      code: "refused",
      message: `${refuses} refused: etcdserver: permission denied`,
    });
  });

  it("tells a member of etcd, which lacks some calls", async () => {
    const etcd = await member(12, "unknown service flotilla.v1.Membership");
    await rejects(ask(etcd), { code: "refused", hint: /Is it a member of etcd\?/ });
  });
});
