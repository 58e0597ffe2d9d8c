import { deepEqual, equal, rejects } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { nodeDisk } from "@flotilla/disk";
import { openWal } from "@flotilla/wal";
import { blankConfiguration } from "../src/identity.ts";
import { appendToLog, closeLog, holdsLog, openLog } from "../src/log-directory.ts";

describe("openLog()", () => {
  let directory = "";
  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), "flotilla-log-")), "wal");
  });
  afterEach(() => rm(join(directory, ".."), { recursive: true, force: true }));

  const owner = { id: 7n, clusterId: 9n, incarnation: 11 };
  const neverAsked = () => Promise.reject(new Error("the log is there"));

  it("begins a log once; whose it is and what was appended comes back", async () => {
    equal(await holdsLog(directory), false);
    const configuration = blankConfiguration(3);
    const first = await openLog(directory, () => Promise.resolve({ owner, configuration }));
    const hardState = { term: 2, vote: "7", commit: 0 };
    await appendToLog(first.wal, { hardState, mustSync: true });
    await closeLog(first.wal);
    equal(await holdsLog(directory), true);
    const second = await openLog(directory, neverAsked);
    deepEqual(second.owner, owner);
    deepEqual(second.recovered.hardState, hardState);
    equal(second.recovered.snapshot.configuration.epoch, 3);
    deepEqual(second.recovered.snapshot.configuration.voters, []);
    await closeLog(second.wal);
  });

  it("leaves nothing behind when it is not known who begins it", async () => {
    await rejects(
      openLog(directory, () => Promise.reject(new Error("nobody"))),
      /nobody/,
    );
    equal(await holdsLog(directory), false);
  });

  it("refuses a log that no member has written", async () => {
    const configuration = { voters: [{ id: "1", votes: 1 }], learners: [], outgoing: [] };
    await new Promise<void>((resolve) =>
      openWal({ directory, metadata: Uint8Array.of(8), configuration }, nodeDisk, (opened) => {
        if (opened.kind === "opened") opened.wal.close(() => resolve());
      }),
    );
    await rejects(openLog(directory, neverAsked), { code: "foreignData" });
  });
});
