/** Leases, and what is built on them: locks and elections. */
import type { Walk } from "../walker.ts";

export function* leases(): Walk {
  yield { run: ["lease", "grant", "600"], bind: { $lease: /lease ([0-9a-f]+) granted/ } };
  yield { run: ["lease", "grant", "1", "-w", "json"] };
  yield { run: ["lease", "grant", "9000000001"] };
  yield { run: ["lease", "grant", "x"] };
  yield { run: ["lease", "grant"] };
  yield { run: ["put", "leased/a", "1", "--lease", "$lease"] };
  yield { run: ["put", "leased/b", "2", "--lease", "$lease"] };
  yield { run: ["put", "leased/a", "3", "--ignore-lease"] };
  yield { run: ["get", "leased/", "--prefix", "-w", "json"] };
  yield { run: ["lease", "timetolive", "$lease"], on: "$c1" };
  yield { run: ["lease", "timetolive", "$lease", "--keys"], on: "$c2" };
  yield { run: ["lease", "timetolive", "1234"] };
  yield { run: ["lease", "keep-alive", "$lease", "--once"], on: "$c3" };
  yield { run: ["lease", "keep-alive", "$lease"], until: /keepalived with TTL\(600\)/ };
  yield { run: ["lease", "keep-alive", "1234"] };
  yield { run: ["lease", "keep-alive", "1234", "--once"] };
  yield { run: ["lease", "revoke", "$lease"] };
  yield { run: ["lease", "revoke", "$lease"] };
  yield { run: ["lease", "revoke", "x"] };
  yield { run: ["get", "leased/", "--prefix"] };
  yield { run: ["lease", "grant", "600"], silent: true, bind: { $lease: /lease ([0-9a-f]+) / } };
  yield { run: ["lease", "list"], silent: true };
  yield { run: ["lease", "revoke", "$lease"] };
  yield* locks();
  yield* elections();
}

function* locks(): Walk {
  yield { run: ["lock", "mutex", "echo", "held"] };
  yield { run: ["lock", "mutex", "--", "sh", "-c", "exit 3"] };
  yield { begin: "holder", run: ["lock", "mutex"], until: /mutex\/[0-9a-f]+/, on: "$c1" };
  yield { run: ["get", "mutex/", "--prefix", "--keys-only"] };
  yield { end: "holder", until: /mutex/ };
  yield {
    run: ["lock", "mutex", "--ttl", "5", "--", "sh", "-c", "echo $ETCD_LOCK_KEY"],
    on: "$c2",
  };
  yield { run: ["get", "mutex/", "--prefix"] };
  yield { run: ["lock"] };
}

function* elections(): Walk {
  yield {
    begin: "first",
    run: ["elect", "office", "one"],
    until: /office\/[0-9a-f]+\none/,
    on: "$c1",
  };
  yield { begin: "observer", run: ["elect", "-l", "office"], until: /one/, on: "$c2" };
  yield { begin: "second", run: ["elect", "office", "two"], until: /^/, on: "$c3" };
  yield { end: "first", until: /one/ };
  yield { end: "observer", until: /two/ };
  yield { end: "second", until: /two/ };
  yield { run: ["elect", "office"] };
  yield { run: ["get", "office/", "--prefix"] };
}
