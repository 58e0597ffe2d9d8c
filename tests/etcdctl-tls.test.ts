/** Every command of etcdctl, against three members with TLS: it prints what it prints against a real etcd. */
import { deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  differencesOf,
  findEtcdctl,
  readOutcomes,
  walkOnce,
  wholeWalk,
} from "./etcdctl/recording.ts";
import { needs } from "./harness/index.ts";

const client = findEtcdctl();

describe("every command of etcdctl", client === undefined ? needs("etcdctl") : {}, () => {
  it("does over TLS what it does with etcd", async (context) => {
    ok(client !== undefined);
    const recorded = readOutcomes(client);
    if (recorded === undefined) {
      context.skip(`etcdctl ${client.version} was never recorded`);
      return;
    }
    const { outcomes, lacking } = await walkOnce("ours", client, wholeWalk());
    deepEqual(differencesOf(recorded, outcomes), []);
    context.diagnostic(`etcdctl ${client.version}: ${outcomes.length} commands`);
    for (const command of lacking) context.diagnostic(`it has no ${command}`);
  });
});
