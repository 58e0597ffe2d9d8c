import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, it } from "node:test";
import { armFailpoints, failpoint, failpointNames } from "@flotilla/base";
import { type FailpointServer, startFailpoints } from "../src/failpoint-server.ts";

const printed: string[] = [];
let server: FailpointServer | undefined;

async function start(environment: Readonly<Record<string, string>>): Promise<void> {
  server = await startFailpoints({
    environment,
    chance: () => 0,
    sleep: () => {},
    print: (line) => printed.push(line),
    panic: (text) => {
      throw new Error(text);
    },
  });
}

afterEach(async () => {
  await server?.close();
  server = undefined;
  printed.length = 0;
  armFailpoints(undefined);
});

async function ask(method: string, path: string, body?: string): Promise<string> {
  const request = { method, ...(body === undefined ? {} : { body }) };
  const response = await fetch(`http://127.0.0.1:${server?.port}${path}`, request);
  return `${response.status} ${await response.text()}`;
}

describe("failpointNames", () => {
  it("has a place in the program for each name", () => {
    const packages = new URL("../../../", import.meta.url);
    const sources = readdirSync(packages)
      .map((name) => new URL(`${name}/src/`, packages))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((path) => path.endsWith(".ts") && path !== "failpoints.ts")
          .map((path) => readFileSync(new URL(path, folder), "utf8")),
      )
      .filter((text) => text.includes("failpoint("));
    const missing = failpointNames.filter(
      (name) => !sources.some((text) => text.includes(`"${name}"`)),
    );
    deepEqual(missing, []);
  });
});

describe("startFailpoints()", () => {
  it("does nothing unless the environment says so", async () => {
    await start({ GOFAIL_HTTP: "", GOFAIL_FAILPOINTS: "" });
    equal(server, undefined);
  });

  it("sets what the environment names, and listens nowhere without an address", async () => {
    await start({ GOFAIL_FAILPOINTS: "walBeforeSync=return(1);other=panic;;walAfterSync=oops" });
    equal(server?.port, 0);
    equal(failpoint("walBeforeSync"), 1);
    deepEqual(printed, ['failed to enable "walAfterSync=oops" (failpoint: could not parse terms)']);
    await rejects(start({ GOFAIL_FAILPOINTS: "a" }), /fail to parse failpoint: bad failpoint "a"/);
  });

  it("speaks gofail's protocol", async () => {
    await start({ GOFAIL_HTTP: "127.0.0.1:0" });
    const list = await ask("GET", "/");
    equal(list.split("\n").length, failpointNames.length + 1);
    match(list, /^200 afterCheckpointSync=\n/);
    equal(await ask("PUT", "/beforeCommit", "1*return(3)"), "204 ");
    equal(await ask("GET", "/beforeCommit"), "200 1*return(3)\n");
    equal(await ask("GET", "/beforeCommit/count"), "200 0");
    equal(failpoint("beforeCommit"), 3);
    equal(await ask("GET", "/beforeCommit/count"), "200 1");
    ok((await ask("GET", "/")).includes("\nbeforeCommit=1*return(3)\n"));
    equal(await ask("DELETE", "/beforeCommit"), "204 ");
    equal(await ask("PUT", "/failpoints", "walBeforeSync=print;walAfterSync=off"), "204 ");
    equal(await ask("GET", "/walBeforeSync"), "200 print\n");
  });

  it("says what is wrong in gofail's words", async () => {
    await start({ GOFAIL_HTTP: "127.0.0.1:0" });
    const none = "failpoint: failpoint does not exist";
    const off = "failpoint: failpoint is disabled";
    equal(await ask("PUT", "/nope", "panic"), `400 fail to set failpoint: ${none}\n`);
    equal(
      await ask("PUT", "/beforeCommit", "explode"),
      "400 fail to set failpoint: failpoint: could not parse terms\n",
    );
    equal(await ask("PUT", "/failpoints", "x"), '400 fail to parse failpoint: bad failpoint "x"\n');
    equal(await ask("GET", "/nope"), `404 failed to GET: ${none}\n\n`);
    equal(await ask("GET", "/beforeCommit"), `404 failed to GET: ${off}\n\n`);
    equal(await ask("GET", "/nope/count"), `404 failed to GET: ${none}\n`);
    equal(await ask("GET", "/beforeCommit/count"), `500 failed to GET: ${off}\n`);
    equal(await ask("DELETE", "/beforeCommit"), `400 failed to delete failpoint ${off}\n`);
    equal(await ask("DELETE", "/nope"), `400 failed to delete failpoint ${none}\n`);
    equal(await ask("POST", "/beforeCommit"), "405 Method not allowed\n");
    equal(await ask("PUT", "/beforeCommit", "x".repeat(70_000)), "400 failed ReadAll in PUT\n");
  });
});
