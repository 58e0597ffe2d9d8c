import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory, until } from "../fixtures.ts";
import { ask, startProgram } from "./fixtures.ts";

const startDb = (t: TestContext, directory: string, port = 0) =>
  startProgram(t, "db.mjs", { FLOTILLA_VOLUME_DATA: directory, PORT: String(port) });

const startWeb = (t: TestContext, dbPort: number) =>
  startProgram(t, "web.mjs", {
    DB_SERVICE_HOST: "127.0.0.1",
    DB_SERVICE_PORT: String(dbPort),
    FLOTILLA_POD: "web-1",
    FLOTILLA_NODE: "n1",
  });

describe("db.mjs", () => {
  it("stores, lists and removes", async (t) => {
    const port = await startDb(t, temporaryDirectory()).port;
    equal((await ask(port, "PUT", "/kv/b", "two")).status, 204);
    equal((await ask(port, "PUT", "/kv/a%2Fx", "one")).status, 204);
    deepEqual(JSON.parse((await ask(port, "GET", "/kv")).body), ["a/x", "b"]);
    deepEqual(JSON.parse((await ask(port, "GET", "/kv/b")).body), { key: "b", value: "two" });
    equal((await ask(port, "DELETE", "/kv/b")).status, 204);
    equal((await ask(port, "DELETE", "/kv/b")).status, 404);
    equal((await ask(port, "GET", "/kv/b")).status, 404);
    equal((await ask(port, "PUT", "/kv/big", "x".repeat(1024 * 1024 + 1))).status, 413);
  });

  it("loses nothing that it has acknowledged when it is killed, three times over", async (t) => {
    const directory = temporaryDirectory();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const db = startDb(t, directory);
      const port = await db.port;
      const missing = [...acknowledged];
      const found = new Set(JSON.parse((await ask(port, "GET", "/kv")).body));
      deepEqual(
        missing.filter((key) => !found.has(key)),
        [],
        `round ${round}`,
      );
      let isOver = false;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let at = 0; !isOver; at++) {
          const key = `r${round}w${writer}n${at}`;
          const answer = await ask(port, "PUT", `/kv/${key}`, key).catch(() => undefined);
          if (answer?.status === 204) acknowledged.add(key);
        }
      });
      const want = (round + 1) * 40;
      await until("enough writes", () => acknowledged.size >= want);
      await db.end("SIGKILL"); // In the middle of the others.
      isOver = true;
      await Promise.all(writers);
    }
    ok(acknowledged.size >= 120);
  });

  it("waits while another one lives, and takes over when it is gone", async (t) => {
    const directory = temporaryDirectory();
    const first = startDb(t, directory);
    const firstPort = await first.port;
    await ask(firstPort, "PUT", "/kv/a", "1");
    const second = startDb(t, directory);
    await until("the second to wait", () => second.output().includes("waits for process"));
    await ask(firstPort, "PUT", "/kv/a", "2");
    ok(!second.output().includes("listens"), "it does not serve");
    await first.end("SIGKILL");
    equal(JSON.parse((await ask(await second.port, "GET", "/kv/a")).body).value, "2");
  });

  it("can be stopped while it waits", async (t) => {
    const directory = temporaryDirectory();
    await startDb(t, directory).port;
    const second = startDb(t, directory);
    await until("the second to wait", () => second.output().includes("waits for process"));
    await second.end("SIGTERM");
    equal(second.child.exitCode, 0);
  });
});

describe("web.mjs", () => {
  it("serves items from the database and says who it is", async (t) => {
    const port = await startWeb(t, await startDb(t, temporaryDirectory()).port).port;
    const put = await ask(port, "PUT", "/items/tea", "three boxes");
    deepEqual(JSON.parse(put.body), { pod: "web-1", node: "n1", key: "tea", value: "three boxes" });
    equal(put.headers["x-answered-by"], "web-1@n1");
    equal(JSON.parse((await ask(port, "GET", "/items/tea")).body).value, "three boxes");
    equal((await ask(port, "GET", "/items/no")).status, 404);
    deepEqual(JSON.parse((await ask(port, "GET", "/")).body).items, ["tea"]);
    equal((await ask(port, "GET", "/nowhere")).status, 404);
  });

  it("fails no request while the database moves", async (t) => {
    const directory = temporaryDirectory();
    const db = startDb(t, directory);
    const dbPort = await db.port;
    const port = await startWeb(t, dbPort).port;
    await ask(port, "PUT", "/items/tea", "1");
    await db.end("SIGKILL");
    const answers = [ask(port, "GET", "/items/tea"), ask(port, "PUT", "/items/coffee", "2")];
    await startDb(t, directory, dbPort).port;
    deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200],
    );
  });

  it("on SIGTERM asks clients to leave, goes on for a moment, and ends by itself", async (t) => {
    const web = startWeb(t, 1);
    const port = await web.port;
    const before = await ask(port, "GET", "/healthz");
    equal(before.status, 200);
    const ended = web.end("SIGTERM");
    const answer = await until("a farewell", async () => {
      const { headers, status } = await ask(port, "GET", "/healthz");
      return status === 200 && headers["connection"] === "close" && status;
    });
    equal(answer, 200);
    await ended;
    equal(web.child.exitCode, 0);
    const refused = await ask(port, "GET", "/healthz").then(
      () => "",
      (error: Error) => error.message,
    );
    match(refused, /ECONNREFUSED/);
  });
});
