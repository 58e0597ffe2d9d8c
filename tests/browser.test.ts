import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { drawScenario, runScenario } from "@flotilla/sim";
import { type Browser, chromium, type Page } from "playwright-core";
import { openPageHost, type PageHost } from "./harness/page-host.ts";
import { needs } from "./harness/real-client.ts";
import { which } from "./harness/run.ts";

describe("the simulator in a browser", needs("chromium"), () => {
  let host: PageHost;
  let browser: Browser;
  let page: Page;

  before(async () => {
    host = await openPageHost();
    // The sandbox asks for privileges that a build machine has not; the page is our own.
    const executablePath = which("chromium") ?? "";
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage();
    await page.goto(host.url);
  });

  after(async () => {
    await browser?.close();
    await host?.close();
  });

  for (const seed of [1, 2, 3]) {
    it(`comes to the trace hash that Node comes to: seed ${seed}`, async () => {
      const { hash, events } = runScenario(drawScenario(seed));
      assert.ok(events >= 1000, `${events} events`);
      // As text: what runs in the page is not to be compiled for Node.
      const there = await page.evaluate(
        `import("@flotilla/sim").then(({ drawScenario, runScenario }) => {
          const { hash, events } = runScenario(drawScenario(${seed}));
          return { hash, events };
        })`,
      );
      assert.deepEqual(there, { hash, events });
    });
  }
});
