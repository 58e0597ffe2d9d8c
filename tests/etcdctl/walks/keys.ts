/** Keys, transactions, watches and history. */
import type { Walk } from "../walker.ts";

export function* keys(): Walk {
  yield { run: ["put", "a", "1"] };
  yield { run: ["put", "a", "2", "--prev-kv"] };
  yield { run: ["put", "b"], input: "from stdin" };
  yield { run: ["put", "b", "--ignore-value"] };
  yield { run: ["put", "none", "--ignore-value"] };
  yield { run: ["put", "c", "3", "--lease", "1"] };
  yield { run: ["put", "", "3"] };
  yield { run: ["put"] };
  yield { run: ["put", "a/b", "4", "-w", "json"] };
  yield { run: ["put", "a/c", "5", "-w", "fields"] };
  yield { run: ["get", "a"] };
  yield { run: ["get", "a", "-w", "json"] };
  yield { run: ["get", "a", "-w", "fields"] };
  yield { run: ["get", "a", "-w", "protobuf"], silent: true };
  yield { run: ["get", "a", "-w", "table"] };
  yield { run: ["get", "a", "--hex"] };
  yield { run: ["get", "none"] };
  yield { run: ["get"] };
  yield { run: ["get", "a", "c"] };
  yield { run: ["get", "a", "--prefix", "--keys-only"] };
  yield { run: ["get", "a", "--prefix", "--limit", "1", "-w", "json"] };
  yield { run: ["get", "a", "--prefix", "--count-only", "-w", "fields"] };
  yield { run: ["get", "a", "--prefix", "--print-value-only"] };
  yield { run: ["get", "", "--prefix", "--order", "DESCEND", "--sort-by", "MODIFY"] };
  yield { run: ["get", "", "--prefix", "--order", "ASCEND", "--sort-by", "VALUE"] };
  yield { run: ["get", "", "--prefix", "--min-mod-rev", "3", "--max-create-rev", "6"], since: 5 };
  yield { run: ["get", "b", "--from-key"] };
  yield { run: ["get", "a", "--rev", "2"] };
  yield { run: ["get", "a", "--rev", "99"] };
  yield { run: ["get", "a", "--consistency", "s"], on: "$c2" };
  yield { run: ["get", "a", "--consistency", "x"] };
  yield { run: ["get", "a", "--prefix", "--stream"], since: 7 };
  yield* transactions();
  yield* watches();
  yield { run: ["del", "none"] };
  yield { run: ["del", "a", "--prev-kv"] };
  yield { run: ["del", "a/", "--prefix", "-w", "json"] };
  yield { run: ["del", "b", "c", "--range"], since: 6 };
  yield { run: ["del", "w", "--from-key"] };
  yield { run: ["del"] };
  yield { run: ["compaction", "4"] };
  yield { run: ["compaction", "4"] };
  yield { run: ["compaction", "99"] };
  yield { run: ["compaction", "7", "--physical"] };
  yield { run: ["compaction"] };
  yield { run: ["get", "a", "--rev", "2"] };
  yield { run: ["watch", "a", "--rev", "2"] };
  yield { run: ["get", "", "--prefix", "-w", "json"] };
}

function* transactions(): Walk {
  const input = (compares: string, success: string, failure: string): string =>
    `${compares}\n\n${success}\n\n${failure}\n\n`;
  yield { run: ["txn"], input: input('value("a") = "2"', "put t 1\nget t", "get a") };
  yield { run: ["txn"], input: input('value("a") = "9"', "put t 2", "get t\ndel b") };
  yield {
    run: ["txn"],
    input: input('version("a") > "1"\ncreate("a") < "9"\nmod("a") = "3"', "get a --prefix", ""),
  };
  yield { run: ["txn", "-i"], input: input('mod("t") = "9"', "", "put t 3") };
  yield { run: ["txn"], input: input("nonsense", "", "") };
  yield { run: ["txn"], input: input("", "put t 4\nput t 5", "") };
  yield { run: ["txn", "-w", "json"], input: input("", "put t 6", "") };
}

function* watches(): Walk {
  yield {
    begin: "history",
    run: ["watch", "a", "--rev", "2", "--prev-kv"],
    until: /PUT\na\n1\nPUT\n(a\n1\n)?a\n2\n/,
  };
  yield { end: "history", until: /a/ };
  yield { begin: "prefix", run: ["watch", "w", "--prefix", "--rev", "2"], until: /^$/ };
  yield { run: ["put", "w1", "1"] };
  yield { run: ["put", "w2", "2"], on: "$c2" };
  yield { run: ["del", "w1"], on: "$c3" };
  yield { end: "prefix", until: /DELETE\nw1/ };
  yield {
    begin: "program",
    run: ["watch", "w2", "--rev", "2", "--", "sh", "-c", "env | grep ETCD_WATCH_ | sort"],
    until: /ETCD_WATCH_VALUE="2"/,
  };
  yield { end: "program", until: /2/ };
  yield {
    run: ["watch", "-i"],
    input: "watch w --prefix --rev 2\n",
    until: /DELETE\nw1/,
  };
  yield { run: ["watch", "w2", "--rev", "2", "-w", "json"], until: /w|ddI=|dzI=/ };
  yield { run: ["watch", "b", "a", "--rev", "2"] };
}
