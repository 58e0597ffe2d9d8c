/** Alarms, backups, defragmentation, health and hashes, downgrades, mirrors, and the client's own commands. */
import type { Walk } from "../walker.ts";

/** Said of every member. */
const all = { unordered: true, anyone: true };

export function* maintenance(): Walk {
  yield { run: ["endpoint", "health"], unordered: true };
  yield { run: ["endpoint", "health", "--cluster"], unordered: true };
  yield { run: ["endpoint", "health", "-w", "json"], anyone: true };
  yield { run: ["endpoint", "health"], on: "https://127.0.0.1:9" };
  yield { run: ["endpoint", "status"], ...all };
  yield { run: ["endpoint", "status", "-w", "table"], ...all };
  yield { run: ["endpoint", "status", "-w", "json"], ...all };
  yield { run: ["endpoint", "status", "-w", "fields", "--cluster"], ...all };
  yield { run: ["endpoint", "status"], on: "https://127.0.0.1:9" };
  yield { run: ["endpoint", "hashkv", "--cluster"], ...all };
  yield { run: ["endpoint", "hashkv", "-w", "table"], ...all };
  yield { run: ["endpoint", "hashkv", "--rev", "1"], since: 6, ...all };
  yield { run: ["defrag"], unordered: true };
  yield { run: ["defrag", "--cluster"], unordered: true };
  yield* snapshots();
  yield* downgrades();
  yield* alarms();
  yield* mirrors();
  // It asks for metrics without the certificates that it was given, and fails at etcd, too.
  yield { run: ["check", "datascale", "--load", "s"], on: "$c1" };
  yield { run: ["version"], silent: true };
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    yield { run: ["completion", shell], silent: true };
  }
  yield { run: ["help"], silent: true };
  yield { run: ["options"], since: 5, silent: true };
  yield { run: ["bogus"] };
}

function* snapshots(): Walk {
  yield { run: ["snapshot", "save", "$folder/s.db"], on: "$c1" };
  yield { run: ["snapshot", "save", "$folder/s.db"] };
  yield { run: ["snapshot", "save"], on: "$c1" };
  yield { local: ["status", "$folder/s.db"], silent: true };
  yield { local: ["status", "$folder/none.db"], silent: true };
}

function* downgrades(): Walk {
  yield { run: ["downgrade", "validate", "3.6.0"], since: 5 };
  yield { run: ["downgrade", "validate", "3.5.0"], since: 5 };
  yield { run: ["downgrade", "validate", "x"], since: 5 };
  yield { run: ["downgrade", "validate"], since: 5 };
  yield { run: ["downgrade", "cancel"], since: 5 };
  yield { run: ["downgrade", "enable", "3.7.0"], since: 5 };
  yield { run: ["downgrade", "enable", "3.6.0"], since: 5 };
  const versions = ["endpoint", "status", "-w", "json"]; // etcd's leader looks every 5 s.
  yield { run: versions, patient: /"storageVersion":"3\.6\.0"/, since: 6, silent: true };
  yield { run: ["downgrade", "enable", "3.6.0"], since: 5 };
  yield { run: ["downgrade", "enable", "3.5.0"], since: 5 };
  yield { run: ["downgrade", "cancel"], since: 5 };
  yield { run: versions, patient: /"storageVersion":"3\.7\.0"/, since: 6, silent: true };
}

/** The quota is filled; what was freed is given back, and the alarm is disarmed. */
function* alarms(): Walk {
  yield { run: ["alarm", "list"] };
  yield { run: ["alarm", "disarm"] };
  yield { fill: "big" };
  yield { run: ["alarm", "list"], ...all };
  yield { run: ["put", "one", "more"] };
  yield { run: ["txn"], input: "\n\nput one more\n\n\n" };
  yield { run: ["lease", "grant", "10"] };
  yield { run: ["get", "one"] };
  yield { run: ["endpoint", "health"], ...all };
  yield { run: ["endpoint", "status"], ...all };
  yield { run: ["del", "big"] };
  yield { compact: "latest" };
  yield { run: ["defrag", "--cluster"], unordered: true };
  yield { run: ["alarm", "disarm"], ...all };
  yield { run: ["alarm", "list"] };
  yield { run: ["put", "one", "more"] };
}

function* mirrors(): Walk {
  yield { run: ["put", "source/a", "1"] };
  yield {
    begin: "mirror",
    run: [
      ...["make-mirror", "--prefix", "source/", "--dest-prefix", "copy/"],
      ...["--dest-insecure-transport=false", "--dest-cacert", "$caFile"],
      ...["--dest-cert", "$certFile", "--dest-key", "$keyFile", "$c2"],
    ],
    until: /^/,
  };
  yield { run: ["get", "copy/", "--prefix"], patient: /copy\/a\n1/ };
  yield { run: ["put", "source/b", "2"] };
  yield { run: ["get", "copy/", "--prefix"], patient: /copy\/b\n2/ };
  yield { run: ["del", "source/a"] };
  yield { run: ["get", "copy/", "--prefix"], patient: /^copy\/b\n2/ };
  yield { end: "mirror", until: /^/ };
}

/** What takes a minute, and says of a machine only whether it is a fast one. */
export function* measurements(): Walk {
  const perf = ["check", "perf", "--load", "s", "--auto-compact", "--auto-defrag"];
  yield { run: perf };
}
