// etcdserverpb.Cluster and MoveLeader: codes and texts are etcd 3.7.1's, seen at the real one.
import { deepEqual, equal, match } from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import { nodeIdOf } from "@flotilla/member";
import { defaultOptions, ServiceContext } from "../src/context.ts";
import type { ServeEtcdOptions } from "../src/index.ts";
import { reconfigurationsMax } from "../src/limits.ts";
import { addedMemberId } from "../src/membership/peer-urls.ts";
import { Reconfiguration } from "../src/membership/reconfiguration.ts";
import {
  encoded,
  ManualTimers,
  type Running,
  type Shape,
  show,
  startSolo,
  stopAll,
  until,
} from "./fixtures.ts";

const member: Shape = {
  1: ["id", "number"],
  2: ["name", "text"],
  3: ["peer", "text"],
  4: ["client", "text"],
  5: ["learner", "number"],
};

let running: Running;
let timers: ManualTimers;
const start = async (options: Partial<ServeEtcdOptions> = {}): Promise<void> => {
  await stopAll();
  timers = new ManualTimers();
  running = await startSolo(options, timers);
};
beforeEach(() => start());
afterEach(stopAll);

/** How a call ends; time passes while it waits. */
async function call(method: string, bytes: Uint8Array): Promise<string> {
  let status: string | undefined;
  void running.client.status(`/etcdserverpb.${method}`, bytes).then((text) => {
    status = text;
  });
  await until(
    () => {
      timers.advance(10);
      return status !== undefined;
    },
    () => `answer to ${method}`,
  );
  return status ?? "";
}
const add = (urls: readonly string[], isLearner = false) =>
  encoded((writer) => {
    for (const url of urls) writer.fieldTextAlways(1, url);
    writer.fieldBool(2, isLearner);
  });
const idOnly = (id: bigint) => encoded((writer) => writer.fieldVarint64(1, id));
const update = (id: bigint, urls: readonly string[]) =>
  encoded((writer) => {
    writer.fieldVarint64(1, id);
    for (const url of urls) writer.fieldTextAlways(2, url);
  });
const cluster = () => running.member.cluster;
/** The members as `id=votes`, in the order of their ids. */
const votes = () =>
  cluster()
    .members()
    .map(({ id, votes }) => `${nodeIdOf(id)}=${votes}`)
    .join(" ");

const self = nodeIdOf(0xabcdef0123456789n);
const own = "http://127.0.0.1:2380";
const fresh = "http://127.0.0.1:2480";
const exists = "9 etcdserver: member ID already exist";
const notFound = "5 etcdserver: member not found";
const notStarted = "9 etcdserver: re-configuration failed due to not enough started members";

describe("MemberAdd", () => {
  it("answers with the new member and all of them, without a revision", async () => {
    const bytes = await running.client.unary(
      "/etcdserverpb.Cluster/MemberAdd",
      add([fresh, "http://127.0.0.1:1480"], true),
    );
    const text = show(bytes, { 1: ["", "header"], 2: ["new", member], 3: ["member", member] });
    const added = "peer=http://127.0.0.1:1480 peer=http://127.0.0.1:2480 learner=1";
    match(text, new RegExp(`^rev=0 new{id=-?\\d+ ${added}} `));
    equal(text.split(" member{").length, 3, text);
    equal(cluster().configuration.learners.length, 1);
  });

  it("takes the id from the URLs and the time", async () => {
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
    const ids = [0, 1, 2].map((ago) => addedMemberId([fresh], Math.floor(Date.now() / 1000) - ago));
    const added = cluster().asked[0]?.[0];
    equal(added?.kind === "add" && ids.map(nodeIdOf).includes(added.id), true);
  });

  // biome-ignore format: a table
  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ["no URL",                     add([]),                "3 etcdserver: given member URLs are invalid"],
    ["text that is no URL",        add(["foo"]),           "3 etcdserver: given member URLs are invalid"],
    ["a URL of another member",    add([own]),             "9 etcdserver: Peer URLs already exists"],
    ["one of its URLs",            add([fresh, own], true), "9 etcdserver: Peer URLs already exists"],
  ];
  for (const [name, request, want] of refused) {
    it(`refuses ${name}`, async () => {
      equal(await call("Cluster/MemberAdd", request), want);
      equal(votes(), `${self}=1`);
    });
  }

  it("refuses a third voter until the second has started, before it looks at its URL", async () => {
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
    equal(await call("Cluster/MemberAdd", add([fresh, "http://x:1"])), notStarted);
    equal(await call("Cluster/MemberAdd", add(["http://127.0.0.1:2580"])), notStarted);
  });

  it("lets learners in, as many as come", async () => {
    for (const port of [1, 2, 3]) {
      equal(await call("Cluster/MemberAdd", add([`http://127.0.0.1:${port}`], true)), "ok");
    }
    equal(cluster().configuration.learners.length, 3);
  });

  it("has etcd's limit of learners where it is asked for", async () => {
    await start({ learnersMax: 1 });
    equal(await call("Cluster/MemberAdd", add([fresh], true)), "ok");
    equal(
      await call("Cluster/MemberAdd", add(["http://127.0.0.1:2580"], true)),
      "9 etcdserver: too many learner members in cluster",
    );
  });

  it("refuses a fourth voter while one of three does not answer", async () => {
    cluster().put("b", {});
    cluster().put("c", { isActive: false });
    equal(await call("Cluster/MemberAdd", add([fresh])), "14 etcdserver: unhealthy cluster");
    equal(cluster().asked.length, 0);
  });

  it("looks again where a leader has just forgotten who answered it", async () => {
    cluster().put("b", {});
    cluster().put("c", {});
    cluster().forgetfulLooks = 2;
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
  });

  it("says `exists` and `not found` for an id in use and an id that was removed", async () => {
    cluster().refusals.push("serverExists", "serverRemoved");
    equal(await call("Cluster/MemberAdd", add([fresh])), exists);
    equal(await call("Cluster/MemberAdd", add([fresh])), notFound);
  });
});

describe("MemberRemove", () => {
  it("removes voters, dead ones too, and answers with the rest", async () => {
    cluster().put("b", {});
    cluster().put("c", { isActive: false });
    const bytes = await running.client.unary("/etcdserverpb.Cluster/MemberRemove", idOnly(0xcn));
    equal(show(bytes, { 1: ["", "header"], 2: ["member", member] }).split("member{").length, 3);
    equal(votes(), `b=1 ${self}=1`);
  });

  it("refuses strangers, and what was removed", async () => {
    cluster().put("b", {});
    cluster().put("c", {});
    equal(await call("Cluster/MemberRemove", idOnly(1n)), notFound);
    equal(await call("Cluster/MemberRemove", idOnly(0xcn)), "ok");
    equal(await call("Cluster/MemberRemove", idOnly(0xcn)), notFound);
  });

  it("refuses to take the last voter, and one that the others need", async () => {
    equal(await call("Cluster/MemberRemove", idOnly(BigInt(`0x${self}`))), notStarted);
    cluster().put("b", {});
    cluster().put("c", { isActive: false });
    equal(await call("Cluster/MemberRemove", idOnly(0xbn)), "14 etcdserver: unhealthy cluster");
    equal(cluster().asked.length, 0);
  });
});

describe("MemberPromote", () => {
  it("makes a learner a voter", async () => {
    cluster().put("b", { votes: 0 });
    equal(await call("Cluster/MemberPromote", idOnly(0xbn)), "ok");
    equal(votes(), `b=1 ${self}=1`);
  });

  it("refuses strangers, voters, and a learner that lags", async () => {
    cluster().put("b", { votes: 0 });
    equal(await call("Cluster/MemberPromote", idOnly(1n)), notFound);
    equal(
      await call("Cluster/MemberPromote", idOnly(running.member.id)),
      "9 etcdserver: can only promote a learner member",
    );
    cluster().refusals.push("learnerBehind");
    equal(
      await call("Cluster/MemberPromote", idOnly(0xbn)),
      "9 etcdserver: can only promote a learner member which is in sync with leader",
    );
  });
});

describe("MemberUpdate", () => {
  it("changes the peer URLs, and takes the same ones again", async () => {
    equal(await call("Cluster/MemberUpdate", update(running.member.id, [fresh])), "ok");
    deepEqual(cluster().servers.get(self)?.urls, [fresh]);
    cluster().refusals.push("unchanged");
    equal(await call("Cluster/MemberUpdate", update(running.member.id, [fresh])), "ok");
  });

  it("refuses strangers, URLs of others, and what is no URL", async () => {
    cluster().put("b", { urls: [fresh] });
    equal(await call("Cluster/MemberUpdate", update(1n, ["http://127.0.0.1:9"])), notFound);
    equal(
      await call("Cluster/MemberUpdate", update(running.member.id, [fresh])),
      "9 etcdserver: Peer URLs already exists",
    );
    equal(
      await call("Cluster/MemberUpdate", update(running.member.id, ["foo"])),
      "3 etcdserver: given member URLs are invalid",
    );
  });
});

describe("a change of the members", () => {
  it("waits for the one before it", async () => {
    cluster().refusals.push("changePending", "notReady", "transferring");
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
    equal(cluster().asked.length, 4);
  });

  it("is answered when it is settled, though only the new member can finish it", async () => {
    cluster().staysJoint = true;
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
    equal(cluster().members().length, 2);
  });

  it("is not answered before a majority of the old voters has it", async () => {
    cluster().put("b", {});
    cluster().put("c", {});
    cluster().staysJoint = true;
    let isAnswered = false;
    void running.client.status("/etcdserverpb.Cluster/MemberAdd", add([fresh])).then(() => {
      isAnswered = true;
    });
    await until(
      () => cluster().asked.length === 1,
      () => "change",
    );
    for (const id of ["b", "c"]) cluster().put(id, { isActive: false });
    for (let passed = 0; passed < 2000; passed += 10) {
      timers.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    equal(isAnswered, false);
    for (const id of ["b", "c"]) cluster().put(id, { isActive: true });
    await until(
      () => {
        timers.advance(10);
        return isAnswered;
      },
      () => "answer",
    );
  });

  it("is judged by what the one before it has left", async () => {
    cluster().put("b", {});
    cluster().put("c", {});
    const ends = [4, 5, 6].map((at) => call("Cluster/MemberAdd", add([`http://127.0.0.1:${at}`])));
    deepEqual((await Promise.all(ends)).sort(), [notStarted, "ok", "ok"]); // As at etcd.
    equal(cluster().members().length, 5);
  });

  it("goes on to the next one when the one before it is refused", async () => {
    const ends = [
      call("Cluster/MemberRemove", idOnly(1n)),
      call("Cluster/MemberAdd", add([fresh], true)),
    ];
    deepEqual(await Promise.all(ends), [notFound, "ok"]);
  });

  it("waits for its turn no longer than it may take, and not in a queue without end", async () => {
    let goOn = (): void => {};
    cluster().slowly = new Promise((resolve) => {
      goOn = resolve;
    });
    const { member } = running;
    const deps = { member, logger: silentLogger, timers, random: new Prng(1) };
    const context = new ServiceContext({ ...deps, unixSeconds: () => 0 }, defaultOptions);
    const reconfiguration = new Reconfiguration(context);
    const ask = (id: string): Promise<string> => {
      const changes = [{ kind: "add", id, votes: 0 } as const];
      const never = (reason: string): never => {
        throw new Error(reason);
      };
      const judges = { check: () => {}, endangered: never, refused: never };
      const asked = { changes, force: false, ...judges };
      return reconfiguration.change(asked, new AbortController().signal).then(
        () => "ok",
        (error: Error) => error.message,
      );
    };
    const first = ask("b");
    await until(
      () => cluster().asked.length === 1,
      () => "first change",
    );
    const late = Array.from({ length: reconfigurationsMax }, (_, at) => ask(`c${at}`));
    equal(await late.at(-1), "etcdserver: too many requests");
    timers.advance(5000);
    goOn();
    equal(await first, "ok");
    for (const end of late.slice(0, -1)) equal(await end, "etcdserver: request timed out");
    equal(cluster().asked.length, 1);
    equal(await ask("d"), "ok");
  });

  it("of a learner is not taken for one of the same voters that is under way", async () => {
    cluster().staysJoint = true;
    equal(await call("Cluster/MemberAdd", add([fresh])), "ok");
    let isAnswered = false;
    void running.client
      .status("/etcdserverpb.Cluster/MemberAdd", add(["http://127.0.0.1:9"], true))
      .then(() => {
        isAnswered = true;
      });
    await until(
      () => cluster().asked.length === 2,
      () => "second change",
    );
    for (let passed = 0; passed < 2000; passed += 10) {
      timers.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    equal(isAnswered, false);
    equal(cluster().configuration.learners.length, 0);
    cluster().leaveJoint();
    await until(
      () => isAnswered,
      () => "answer",
    );
    equal(cluster().configuration.learners.length, 1);
  });

  it("must leave somebody with data who answers", async () => {
    cluster().put("b", { isActive: false });
    for (const id of ["d", "e"]) cluster().put(id, { isWitness: true });
    const own = idOnly(running.member.id);
    equal(await call("Cluster/MemberRemove", own), "14 etcdserver: unhealthy cluster");
    cluster().put("b", { isActive: true });
    equal(await call("Cluster/MemberRemove", own), "ok");
  });

  it("gives up when that does not end", async () => {
    cluster().refusals.push(...Array.from({ length: 10_000 }, () => "changePending" as const));
    equal(await call("Cluster/MemberAdd", add([fresh])), "14 etcdserver: request timed out");
  });

  it("is refused without a leader, and by a member that stops", async () => {
    running.member.unavailable = { kind: "stopped" };
    equal(await call("Cluster/MemberAdd", add([fresh])), "14 etcdserver: server stopped");
    running.member.leaderId = 0n;
    equal(await call("Cluster/MemberAdd", add([fresh])), "14 etcdserver: unhealthy cluster");
  });

  it("ends without a quorum as in etcd, where some changes are refused and others wait", async () => {
    const own = running.member.id;
    cluster().put("b", {});
    running.member.leaderId = 0n;
    const late = "4 context deadline exceeded";
    for (const [method, bytes, want] of [
      ["MemberAdd", add([fresh], true), "14 etcdserver: unhealthy cluster"],
      ["MemberRemove", idOnly(own), "14 etcdserver: unhealthy cluster"],
      ["MemberRemove", idOnly(0xbn), late],
      ["MemberRemove", idOnly(0x99n), late],
      ["MemberUpdate", update(own, [fresh]), late],
      ["MemberPromote", idOnly(0xbn), "14 etcdserver: no leader"],
    ] as const) {
      equal(await call(`Cluster/${method}`, bytes), want, method);
    }
  });

  it("is told the same where the change before it has waited for a leader in vain", async () => {
    cluster().put("b", {});
    running.member.leaderId = 0n;
    running.member.isLeaderSilent = true; // The first one waits on; the others stand behind it.
    const leave = new AbortController();
    const context = new ServiceContext(
      {
        member: running.member,
        logger: silentLogger,
        random: new Prng(1),
        timers,
        unixSeconds: () => 0,
      },
      defaultOptions,
    );
    const reconfiguration = new Reconfiguration(context);
    const never = (reason: string): never => {
      throw new Error(reason);
    };
    const changes = [{ kind: "remove", id: nodeIdOf(0xbn) }] as const;
    const asked = { changes, force: true, check: () => {}, endangered: never, refused: never };
    const ask = (signal: AbortSignal): Promise<string> =>
      reconfiguration.change(asked, signal).then(
        () => "ok",
        (error: Error) => error.message,
      );
    const first = ask(leave.signal);
    const second = ask(new AbortController().signal);
    timers.advance(5000);
    leave.abort(new Error("it has left"));
    equal(await first, "it has left");
    equal(await second, "etcdserver: no leader");
    context.close();
  });
});

describe("MoveLeader", () => {
  it("answers with nothing once the other one leads", async () => {
    cluster().put("b", {});
    const bytes = await running.client.unary("/etcdserverpb.Maintenance/MoveLeader", idOnly(0xbn));
    equal(bytes.length, 0);
    equal(running.member.leaderId, 0xbn);
  });

  it("refuses at a follower, and for strangers, learners and witnesses", async () => {
    cluster().put("b", { votes: 0 });
    cluster().put("c", { isWitness: true });
    for (const target of [1n, 0xbn, 0xcn]) {
      equal(
        await call("Maintenance/MoveLeader", idOnly(target)),
        "9 etcdserver: bad leader transferee",
      );
    }
    running.member.leaderId = 0xcn;
    equal(await call("Maintenance/MoveLeader", idOnly(0xcn)), "9 etcdserver: not leader");
  });

  it("gives up when the other one does not take it", async () => {
    cluster().put("b", {});
    cluster().keepsLeader = true;
    equal(
      await call("Maintenance/MoveLeader", idOnly(0xbn)),
      "2 etcdserver: request timed out, leader transfer took too long",
    );
  });
});
