/** Clients that are not ours, against three members with TLS: npm's etcd3, and grpc-js with a description of our own. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { Etcd3, type IOptions } from "etcd3";
import { ServerCluster } from "./etcd-oracle/server-cluster.ts";
import { until } from "./harness/index.ts";
import { ProtoClient, type Told } from "./harness/proto-client.ts";

let cluster: ServerCluster;
before(async () => {
  cluster = await ServerCluster.start("ours", { names: ["m1", "m2", "m3"], tls: true });
});
after(() => cluster.close());

describe("npm's etcd3, to all members", () => {
  const clients: Etcd3[] = [];
  const open = (options: Partial<IOptions> = {}): Etcd3 => {
    const { caFile = "", certFile = "", keyFile = "" } = cluster.tls ?? {};
    const credentials = {
      rootCertificate: readFileSync(caFile),
      certChain: readFileSync(certFile),
      privateKey: readFileSync(keyFile),
    };
    const hosts = cluster.names.map((name) => cluster.clientUrl(name));
    const grpcOptions = { "grpc.ssl_target_name_override": "localhost" };
    const client = new Etcd3({ hosts, credentials, grpcOptions, ...options });
    clients.push(client);
    return client;
  };
  after(() => {
    for (const client of clients) client.close();
  });

  it("puts, reads, deletes, and reads what was", async () => {
    const client = open();
    const { header } = await client.put("e/a").value("1");
    await client.put("e/b").value("zwei");
    await client.put("e/a").value("3");
    deepEqual(await client.getAll().prefix("e/").strings(), { "e/a": "3", "e/b": "zwei" });
    equal(await client.get("e/a").revision(header.revision).string(), "1");
    deepEqual(await client.getAll().prefix("e/").sort("Mod", "Descend").keys(), ["e/a", "e/b"]);
    equal(await client.getAll().prefix("e/").count(), 2);
    await client.delete().prefix("e/");
    equal(await client.get("e/a").string(), null);
  });

  it("runs transactions, and its own over optimistic reads", async () => {
    const client = open();
    const attempt = () =>
      client
        .if("t/lock", "Create", "==", 0)
        .then(client.put("t/lock").value("mine"))
        .else(client.get("t/lock"))
        .commit();
    equal((await attempt()).succeeded, true);
    const second = await attempt();
    equal(second.succeeded, false);
    equal(String(second.responses[0]?.response_range?.kvs[0]?.value), "mine");
    await client.put("t/n").value("0");
    const increment = () =>
      client.stm({ retries: 50 }).transact(async (tx) => {
        await tx.put("t/n").value(Number(await tx.get("t/n").string()) + 1);
      });
    await Promise.all(Array.from({ length: 5 }, increment));
    equal(await client.get("t/n").number(), 5);
  });

  it("watches from now, from then, and by prefix", async () => {
    const client = open();
    const { header } = await client.put("w/a").value("before");
    const watcher = await client.watch().prefix("w/").startRevision(header.revision).create();
    const seen: string[] = [];
    watcher.on("put", ({ key, value }) => seen.push(`${key}=${value}`));
    watcher.on("delete", ({ key }) => seen.push(`-${key}`));
    await client.put("w/b").value("after");
    await client.delete().key("w/a");
    await until("three events", 5000, () => seen.length === 3);
    deepEqual(seen, ["w/a=before", "w/b=after", "-w/a"]);
    await watcher.cancel();
  });

  it("keeps leases, locks and elects", async () => {
    const client = open();
    const lease = client.lease(60, { autoKeepAlive: false });
    await lease.put("l/a").value("1");
    await lease.keepaliveOnce();
    await lease.revoke();
    equal(await client.get("l/a").string(), null);
    const lock = await client.lock("l/door").acquire();
    await rejects(client.lock("l/door").acquire());
    await lock.release();
    const campaign = client.election("boss").campaign("me");
    await once(campaign, "elected");
    equal(await client.election("boss").leader(), "me");
    await campaign.resign();
  });

  it("brings a user and his password", async () => {
    const client = open();
    const role = await client.role("r").create();
    await role.grant({ permission: "Readwrite", range: client.range({ prefix: "mine/" }) });
    const user = await client.user("u").create("p");
    await user.addRole("r");
    const root = await client.user("root").create("s");
    await client.role("root").create();
    await root.addRole("root");
    await client.auth.authEnable();
    const asRoot = open({ auth: { username: "root", password: "s" } });
    try {
      const asUser = open({ auth: { username: "u", password: "p" } });
      await asUser.put("mine/a").value("1");
      equal(await asUser.get("mine/a").string(), "1");
      await rejects(async () => await asUser.put("others").value("1"), /permission denied/);
      await rejects(
        open({ auth: { username: "u", password: "x" } })
          .get("mine/a")
          .string(),
      );
    } finally {
      await asRoot.auth.authDisable();
    }
    for (const name of ["u", "root"]) await client.user(name).delete();
    for (const name of ["r", "root"]) await client.role(name).delete();
  });
});

describe("grpc-js with a description of our own", () => {
  const clients: ProtoClient[] = [];
  const open = (name: string): ProtoClient => {
    const { tls } = cluster;
    ok(tls !== undefined);
    const client = new ProtoClient(cluster.endpoint(name), tls);
    clients.push(client);
    return client;
  };
  after(() => {
    for (const client of clients) client.close();
  });
  const bytes = (text: string): Buffer => Buffer.from(text);

  it("puts at one member, reads at another, deletes at the third", async () => {
    const [one, two, three] = [open("m1"), open("m2"), open("m3")];
    const put = await one.call("KV", "Put", { key: bytes("g/a"), value: bytes("1") });
    const read = await two.call("KV", "Range", { key: bytes("g/"), range_end: bytes("g0") });
    deepEqual(
      read.kvs.map(({ key, value, mod_revision }: Told) => [`${key}`, `${value}`, mod_revision]),
      [["g/a", "1", put.header.revision]],
    );
    const deleted = await three.call("KV", "DeleteRange", { key: bytes("g/a"), prev_kv: true });
    equal(`${deleted.prev_kvs[0].value}`, "1");
    await rejects(one.call("KV", "Put", {}), {
      code: 3,
      details: "etcdserver: key is not provided",
    });
  });

  it("runs transactions within transactions", async () => {
    const client = open("m2");
    const put = (key: string) => ({ request_put: { key: bytes(key), value: bytes("x") } });
    const compare = {
      key: bytes("n/a"),
      target: "OF_CREATE",
      result: "EQUAL",
      create_revision: "0",
    };
    const inner = { request_txn: { compare: [compare], success: [put("n/b")], failure: [] } };
    const request = { compare: [compare], success: [put("n/a"), inner], failure: [put("n/c")] };
    const first = await client.call("KV", "Txn", request);
    equal(first.succeeded, true);
    equal(first.responses[1].response_txn.succeeded, true);
    equal((await client.call("KV", "Txn", request)).succeeded, false);
  });

  it("watches several keys on one stream", async () => {
    const client = open("m3");
    const stream = client.open("Watch", "Watch");
    const seen: string[] = [];
    stream.on("error", () => {});
    stream.on("data", ({ created, canceled, watch_id, events }: Told) => {
      if (created) seen.push(`created ${watch_id}`);
      if (canceled) seen.push(`canceled ${watch_id}`);
      for (const { type, kv } of events) seen.push(`${watch_id} ${type} ${kv.key}`);
    });
    const seenAll = (count: number) => until(`${count} answers`, 5000, () => seen.length === count);
    stream.write({ create_request: { key: bytes("x/a") } });
    stream.write({ create_request: { key: bytes("x/"), range_end: bytes("x0"), watch_id: "7" } });
    await seenAll(2);
    await client.call("KV", "Put", { key: bytes("x/a"), value: bytes("1") });
    await seenAll(4);
    stream.write({ cancel_request: { watch_id: "7" } });
    await seenAll(5);
    await client.call("KV", "DeleteRange", { key: bytes("x/a") });
    await seenAll(6);
    stream.cancel();
    deepEqual(seen.slice(0, 2), ["created 0", "created 7"]);
    deepEqual(seen.slice(2, 4).toSorted(), ["0 PUT x/a", "7 PUT x/a"]);
    deepEqual(seen.slice(4), ["canceled 7", "0 DELETE x/a"]);
  });

  it("grants, renews, and loses what a lease held", async () => {
    const client = open("m1");
    const { ID, TTL } = await client.call("Lease", "LeaseGrant", { TTL: "60" });
    equal(TTL, "60");
    await client.call("KV", "Put", { key: bytes("lease/a"), lease: ID });
    const stream = open("m2").open("Lease", "LeaseKeepAlive");
    stream.write({ ID });
    const [kept] = (await once(stream, "data")) as [Told];
    deepEqual([kept.ID, kept.TTL], [ID, "60"]);
    stream.end();
    const told = await client.call("Lease", "LeaseTimeToLive", { ID, keys: true });
    deepEqual([`${told.keys}`, told.grantedTTL], ["lease/a", "60"]);
    await client.call("Lease", "LeaseRevoke", { ID });
    equal((await client.call("KV", "Range", { key: bytes("lease/a") })).count, "0");
    await rejects(client.call("Lease", "LeaseRevoke", { ID }), { code: 5 });
  });

  it("locks and elects across members", async () => {
    const [one, two] = [open("m1"), open("m2")];
    const grant = async (client: ProtoClient): Promise<string> =>
      (await client.call("Lease", "LeaseGrant", { TTL: "60" })).ID;
    const [first, second] = [await grant(one), await grant(two)];
    const held = await one.call("Lock", "Lock", { name: bytes("door"), lease: first });
    match(`${held.key}`, /^door\/[0-9a-f]+$/);
    const waiting = two.call("Lock", "Lock", { name: bytes("door"), lease: second });
    await one.call("Lock", "Unlock", { key: held.key });
    await two.call("Lock", "Unlock", { key: (await waiting).key });

    const campaign = { name: bytes("boss"), lease: first, value: bytes("one") };
    const { leader } = await one.call("Election", "Campaign", campaign);
    const observed: string[] = [];
    const observer = two.stream("Election", "Observe", { name: bytes("boss") });
    observer.on("error", () => {});
    observer.on("data", ({ kv }: Told) => observed.push(`${kv.value}`));
    const next = two.call("Election", "Campaign", {
      ...campaign,
      lease: second,
      value: bytes("two"),
    });
    await one.call("Election", "Proclaim", { leader, value: bytes("still one") });
    await until("the proclamation", 5000, () => observed.includes("still one"));
    await one.call("Election", "Resign", { leader });
    await next;
    await until("the next", 5000, () => observed.includes("two"));
    observer.cancel();
    for (const ID of [first, second]) await one.call("Lease", "LeaseRevoke", { ID });
  });

  it("is known by a token once users are asked for", async () => {
    const [root, user] = [open("m1"), open("m3")];
    const auth = (method: string, request: object = {}) => root.call("Auth", method, request);
    await auth("UserAdd", { name: "root", password: "s" });
    await auth("UserGrantRole", { user: "root", role: "root" });
    await auth("RoleAdd", { name: "r" });
    const perm = { permType: "READWRITE", key: bytes("own/"), range_end: bytes("own0") };
    await auth("RoleGrantPermission", { name: "r", perm });
    await auth("UserAdd", { name: "u", password: "p" });
    await auth("UserGrantRole", { user: "u", role: "r" });
    await auth("AuthEnable");
    const login = async (client: ProtoClient, name: string, password: string): Promise<void> => {
      const { token } = await client.call("Auth", "Authenticate", { name, password });
      client.metadata.set("token", token);
    };
    await login(root, "root", "s");
    try {
      await rejects(login(user, "u", "wrong"), { code: 3 });
      await login(user, "u", "p");
      await user.call("KV", "Put", { key: bytes("own/a"), value: bytes("1") });
      await rejects(user.call("KV", "Put", { key: bytes("other") }), { code: 7 });
      await rejects(user.call("Auth", "UserList"), { code: 7 });
      user.metadata.set("token", "forged");
      await rejects(user.call("KV", "Range", { key: bytes("own/a") }), { code: 16 });
    } finally {
      await auth("AuthDisable");
    }
  });
});
