import { deepEqual, equal, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { emptyBytes, textOf } from "@flotilla/base";
import { Channel } from "../../src/etcd/channel.ts";
import { frameOf } from "../../src/etcd/grpc/framing.ts";
import { createEtcdClient, type EtcdClient, isEtcdError } from "../../src/etcd/index.ts";
import { systemDeps } from "../../src/etcd/options.ts";
import {
  answerRange,
  answerWrite,
  clientOf,
  deadUrl,
  type FakeCall,
  fakeMember,
  until,
} from "./fixtures.ts";

const unavailable = 14;
const refusedStream = 7;
const put = "/etcdserverpb.KV/Put";
const credentials = { username: "u", password: "p" };

describe("calls of an etcd client", () => {
  it("go past members that nobody runs", async () => {
    const alive = await fakeMember((call) => answerWrite(call, 9));
    const client = clientOf([await deadUrl(), await deadUrl(), alive.url]);
    equal((await client.put("k", "v")).revision, 9);
  });

  it("are attempted as often as they may be, and say what the last attempt met", async () => {
    const lonely = await fakeMember((call) => call.end(unavailable, "etcdserver: no leader"));
    const twice = clientOf([lonely.url], { attemptsMax: 2 });
    await rejects(twice.get("k"), (error) => {
      equal(isEtcdError(error, "unavailable"), true);
      equal((error as Error & { cause: Error }).cause.message, "etcdserver: no leader");
      return true;
    });
    equal(lonely.calls.length, 2);
    const dead = clientOf([await deadUrl()], { attemptsMax: 1, credentials });
    await rejects(dead.put("k", "v"), { code: "unavailable" });
    await rejects(dead.maintenance.snapshot().next(), { code: "unavailable" });
  });

  it("may be ones of a service that it does not know", async () => {
    const only = await fakeMember((call) => {
      void call.request.then((request) => {
        call.sendRaw(frameOf(request));
        call.end();
      });
    });
    const answer = await clientOf([only.url]).call("/some.Service/Echo", Uint8Array.of(1, 2));
    deepEqual([...answer], [1, 2]);
    deepEqual(only.calls, ["/some.Service/Echo"]);
  });

  it("stay with the member that works", async () => {
    const members = [await fakeMember(answerWrite), await fakeMember(answerWrite)];
    const client = clientOf(members.map(({ url }) => url));
    for (let count = 0; count < 4; count++) await client.put("k", "v");
    deepEqual(members.map(({ calls }) => calls.length).sort(), [0, 4]);
  });

  it("never send a write again whose connection broke", async () => {
    const members = [
      await fakeMember((call) => call.hangUp()),
      await fakeMember((call) => call.hangUp()),
    ];
    const client = clientOf(members.map(({ url }) => url));
    await rejects(client.put("k", "v"), { name: "EtcdError", code: "outcomeUnknown" });
    equal(members.flatMap(({ calls }) => calls).length, 1);
  });

  it("never send a write again that the member gave up", async () => {
    const only = await fakeMember((call) => call.end(unavailable, "etcdserver: request timed out"));
    const refusal = { code: "outcomeUnknown", status: unavailable };
    await rejects(clientOf([only.url]).delete("k"), refusal);
    equal(only.calls.length, 1);
  });

  it("send a write again that was refused unread", async () => {
    let refusals = 0;
    const only = await fakeMember((call) =>
      refusals++ < 2 ? call.reset(refusedStream) : answerWrite(call),
    );
    await clientOf([only.url]).put("k", "v");
    deepEqual(only.calls, [put, put, put]);
  });

  it("take a write elsewhere when its member has no leader", async () => {
    const lonely = await fakeMember((call) => call.end(unavailable, "etcdserver: no leader"));
    const other = await fakeMember(answerWrite);
    const client = clientOf([lonely.url, other.url]);
    for (let count = 0; count < 3; count++) await client.put("k", "v");
    equal(other.calls.length, 3);
  });

  it("never send a write again because its connection ended with the code of a refusal", async () => {
    const only = await fakeMember((call) => call.goAway(refusedStream));
    await rejects(clientOf([only.url]).put("k", "v"), { code: "outcomeUnknown" });
    equal(only.calls.length, 1);
  });

  it("take a write elsewhere when a member takes connections and says nothing", async () => {
    const sockets = new Set<Socket>();
    const hanging = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
    await once(hanging, "listening");
    const { port } = hanging.address() as AddressInfo;
    const other = await fakeMember(answerWrite);
    const random = { ...systemDeps.random, below: () => 0 };
    const endpoints = [`http://127.0.0.1:${port}`, other.url];
    const client = createEtcdClient({ endpoints, connectTimeoutMs: 50 }, { ...systemDeps, random });
    await client.put("k", "v");
    equal(sockets.size, 1);
    client.close();
    for (const socket of sockets) socket.destroy();
    hanging.close();
  });

  it("leave a read where it is when its answer takes long and there is no other member", async () => {
    const slow = await fakeMember((call) => setTimeout(() => answerRange(call, "v"), 60));
    const channel = new Channel({ endpoints: [slow.url] }, systemDeps);
    await channel.unary("/Range", emptyBytes, { isRepeatable: true, silenceMs: 10 });
    channel.close();
    equal(slow.calls.length, 1);
  });

  it("have more patience with members once each was asked", async () => {
    const serve = (call: FakeCall): void => void setTimeout(() => answerRange(call, "v"), 300);
    const slow = [await fakeMember(serve), await fakeMember(serve)];
    const channel = new Channel({ endpoints: slow.map(({ url }) => url) }, systemDeps);
    await channel.unary("/Range", emptyBytes, { isRepeatable: true, silenceMs: 100 });
    channel.close();
  });

  it("do not leave a member that is sending", async () => {
    const slow = await fakeMember(async (call) => {
      for (const byte of frameOf(new Uint8Array(30))) {
        call.sendRaw(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      call.end(5, "etcdserver: requested lease not found");
    });
    const other = await fakeMember(answerWrite);
    const random = { ...systemDeps.random, below: () => 0 };
    const deps = { ...systemDeps, random };
    const channel = new Channel({ endpoints: [slow.url, other.url] }, deps);
    const call = channel.unary("/Range", emptyBytes, { isRepeatable: true, silenceMs: 300 });
    await rejects(call, { code: "leaseNotFound" });
    channel.close();
  });

  it("hear the answer to what is not sent yet", async () => {
    const only = await fakeMember((call) => call.end(8, "etcdserver: request is too large"));
    const call = clientOf([only.url]).put("k", new Uint8Array(32 * 1024 * 1024));
    await rejects(call, { code: "requestTooLarge" });
  });

  it("end when a member wants no more of them and says nothing", async () => {
    const only = await fakeMember((call) => call.reset(0));
    const client = clientOf([only.url]);
    await rejects(client.put("k", new Uint8Array(32 * 1024 * 1024)), { code: "outcomeUnknown" });
  });

  it("take any time out", async () => {
    const only = await fakeMember((call) => setTimeout(() => answerWrite(call), 30));
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 40]) {
      await clientOf([only.url]).put("k", "v", { timeoutMs });
    }
  });

  it("send reads again, at another member", async () => {
    const breaking = await fakeMember((call) => call.hangUp());
    const other = await fakeMember((call) => answerRange(call, "v"));
    const client = clientOf([breaking.url, other.url]);
    const kv = await client.get("k");
    equal(kv && textOf(kv.value), "v");
  });

  it("send a transaction again that only reads", async () => {
    let calls = 0;
    const only = await fakeMember((call) => (calls++ === 0 ? call.hangUp() : answerWrite(call)));
    const client = clientOf([only.url]);
    const { op } = await import("../../src/etcd/index.ts");
    await client.txn().then(op.range("k")).commit();
    calls = 0;
    const write = client.txn().then(op.put("k", "v")).else(op.range("k"));
    await rejects(write.commit(), { code: "outcomeUnknown" });
  });

  it("end in time when nobody is there: nothing happened", async () => {
    const client = clientOf([await deadUrl()], { requestTimeoutMs: 150 });
    await rejects(client.put("k", "v"), { code: "unavailable" });
  });

  it("end in time when a member is silent: a write may have happened", async () => {
    const silent = await fakeMember(() => {});
    const client = clientOf([silent.url]);
    await rejects(client.put("k", "v", { timeoutMs: 100 }), { code: "outcomeUnknown" });
    await rejects(client.get("k", { timeoutMs: 100 }), { code: "unavailable" });
  });

  it("end in time when a connection does not come up: nothing happened", async () => {
    // Takes connections, and never speaks TLS.
    const mute = createServer(() => {}).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const client = clientOf([`https://127.0.0.1:${port}`], { connectTimeoutMs: 60_000 });
    await rejects(client.put("k", "v", { timeoutMs: 100 }), { code: "unavailable" });
    client.close();
    mute.close();
  });

  it("end with the reason of their signal, also while they wait for a connection", async () => {
    const silent = await fakeMember(() => {});
    for (const url of [silent.url, await deadUrl()]) {
      const stop = new AbortController();
      const call = clientOf([url]).put("k", "v", { signal: stop.signal });
      setImmediate(() => stop.abort(new Error("enough")));
      await rejects(call, { message: "enough" });
    }
  });

  it("end with the reason of their signal on a connection that is up, too", async () => {
    const only = await fakeMember((call) => {
      if (call.path !== put) answerRange(call, "v");
    });
    const client = clientOf([only.url]);
    await client.get("k");
    const stop = new AbortController();
    const call = client.put("k", "v", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await rejects(call, { message: "enough" });
  });

  it("are not sent any more once the client is closed", async () => {
    const only = await fakeMember(answerWrite);
    const client = clientOf([only.url]);
    const call = client.put("k", "v");
    client.close();
    await rejects(call, { code: "closed" });
    deepEqual(only.calls, []);
  });

  it("come to their end at a member that is not used any more", async () => {
    let answer = (): void => {};
    const old = await fakeMember((call) => {
      answer = () => answerWrite(call, 5);
    });
    const client = clientOf([old.url]);
    const call = client.put("k", "v");
    await until("the call", () => old.calls.length === 1);
    client.setEndpoints([(await fakeMember(answerWrite)).url]);
    answer();
    equal((await call).revision, 5);
  });

  it("end with what the member says", async () => {
    const only = await fakeMember((call) => call.end(5, "etcdserver: requested lease not found"));
    const refusal = { code: "leaseNotFound", status: 5 };
    await rejects(clientOf([only.url]).put("k", "v", { lease: 7n }), refusal);
  });

  it("refuse an answer that is none", async () => {
    const only = await fakeMember((call) => call.end(0));
    await rejects(clientOf([only.url]).get("k"), { code: "badResponse" });
    await rejects(clientOf([only.url]).put("k", "v"), { code: "outcomeUnknown" });
    const garbage = await fakeMember((call) => {
      call.send((writer) => writer.raw(Uint8Array.of(0x0a, 0xff)));
      call.end();
    });
    await rejects(clientOf([garbage.url]).get("k"), { code: "badResponse" });
  });

  it("end when the client is closed, and none begins any more", async () => {
    const client = clientOf([await deadUrl()]);
    const call = client.put("k", "v");
    client.close();
    await rejects(call, { code: "closed" });
    await rejects(client.get("k"), { code: "closed" });
  });

  it("refuse endpoints that are none", () => {
    for (const endpoints of [[], ["127.0.0.1:2379"], ["ftp://x"]]) {
      try {
        createEtcdClient({ endpoints });
      } catch (error) {
        equal((error as { code: string }).code, "badArgument");
        continue;
      }
      throw new Error(`taken: ${endpoints}`);
    }
  });
});

describe("a backup", () => {
  const digestOf = (data: string) => createHash("sha256").update(data).digest();
  const data = "x".repeat(1024);

  function serveParts(...parts: readonly Uint8Array[]) {
    return (call: FakeCall): void => {
      for (const part of parts) call.send((writer) => writer.fieldBytes(3, part));
      call.end();
    };
  }

  async function read(client: EtcdClient): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of client.maintenance.snapshot()) parts.push(part);
    return Buffer.concat(parts).toString("latin1");
  }

  it("is the data and its digest, however it is cut", async () => {
    const whole = Buffer.concat([Buffer.from(data), digestOf(data)]);
    for (const cut of [0, 1, 1000, 1024, 1040, whole.length]) {
      const only = await fakeMember(serveParts(whole.subarray(0, cut), whole.subarray(cut)));
      equal(await read(clientOf([only.url])), whole.toString("latin1"), `cut at ${cut}`);
    }
  });

  it("is refused when it is damaged, or breaks off", async () => {
    const damaged = await fakeMember(serveParts(Buffer.from(data), digestOf(`${data}y`)));
    await rejects(read(clientOf([damaged.url])), { code: "badResponse" });
    const broken = await fakeMember((call) => {
      call.send((writer) => writer.fieldBytes(3, Buffer.from(data)));
      call.end(unavailable, "etcdserver: server stopped");
    });
    await rejects(read(clientOf([broken.url])), { code: "unavailable" });
  });
});

describe("a user's token", () => {
  it("is asked for once, and again when it is not taken any more", async () => {
    let issued = 0;
    let valid = "";
    const only = await fakeMember((call) => {
      if (call.path.endsWith("/Authenticate")) {
        valid = `t${++issued}`;
        call.send((writer) => writer.fieldText(2, valid));
        call.end();
      } else if (call.token === valid) answerWrite(call);
      else call.end(16, "etcdserver: invalid auth token");
    });
    const client = clientOf([only.url], { credentials });
    await Promise.all([client.put("a", "v"), client.put("b", "v")]);
    equal(issued, 1);
    valid = "another";
    await client.put("c", "v");
    equal(issued, 2);
  });

  it("is asked for once by many of whom it is not taken any more", async () => {
    let issued = 0;
    const only = await fakeMember((call) => {
      const turn = call.path.endsWith("/Authenticate") ? 60 : 20 * Math.random();
      setTimeout(() => {
        if (call.path.endsWith("/Authenticate")) {
          call.send((writer) => writer.fieldText(2, `t${++issued}`));
          call.end();
        } else if (call.token === "t2") answerWrite(call);
        else call.end(16, "etcdserver: invalid auth token");
      }, turn);
    });
    const client = clientOf([only.url], { credentials });
    await Promise.all(Array.from({ length: 50 }, (_, at) => client.put(`k${at}`, "v")));
    equal(issued, 2);
  });

  it("may come too late for one call and in time for another", async () => {
    const only = await fakeMember((call) => {
      if (!call.path.endsWith("/Authenticate")) {
        answerWrite(call);
        return;
      }
      setTimeout(() => {
        call.send((writer) => writer.fieldText(2, "t"));
        call.end();
      }, 200);
    });
    const client = clientOf([only.url], { credentials });
    const hurried = client.put("a", "v", { timeoutMs: 50 });
    const patient = client.put("b", "v");
    await rejects(hurried, { code: "unavailable" });
    await patient;
  });

  it("is not asked for for ever", async () => {
    const only = await fakeMember((call) => {
      if (!call.path.endsWith("/Authenticate")) {
        call.end(16, "etcdserver: invalid auth token");
        return;
      }
      call.send((writer) => writer.fieldText(2, "t"));
      call.end();
    });
    const client = clientOf([only.url], { credentials });
    await rejects(client.put("k", "v"), { code: "invalidAuthToken" });
  });

  it("is none while members ask nobody who he is", async () => {
    const only = await fakeMember((call) => {
      if (call.path.endsWith("/Authenticate")) {
        call.end(9, "etcdserver: authentication is not enabled");
      } else answerWrite(call, call.token === undefined ? 3 : 4);
    });
    equal((await clientOf([only.url], { credentials }).put("k", "v")).revision, 3);
  });

  it("ends the call when name or password are wrong", async () => {
    const text = "etcdserver: authentication failed, invalid user ID or password";
    const only = await fakeMember((call) => call.end(3, text));
    const client = clientOf([only.url], { credentials });
    await rejects(client.put("k", "v"), { code: "authFailed" });
  });
});
