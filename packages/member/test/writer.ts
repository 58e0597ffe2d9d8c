/** A process with one member that writes without end and tells how many writes were acknowledged. */
import { startMember } from "../src/start-member.ts";
import { put, revisionOf } from "./fixtures.ts";

const [, , dataDir, prefix] = process.argv as [string, string, string, string];
const member = await startMember({
  name: "m1",
  dataDir,
  listenPeerUrl: "http://127.0.0.1:0",
  initialCluster: [{ name: "m1", peerUrl: "http://127.0.0.1:1" }],
  heartbeatMs: 20,
  electionMs: 100,
  snapshotEntries: 50,
});
let sent = 0;
for (let batch = 0; ; batch++) {
  const writes = Array.from({ length: 1 + (batch % 5) }, () => put(member, `${prefix}/${++sent}`));
  for (const outcome of await Promise.all(writes)) revisionOf(outcome);
  process.send?.(sent);
}
