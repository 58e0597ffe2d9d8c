/** Users, roles and permissions; at the end nobody is asked who he is, as at the beginning. */
import type { Walk } from "../walker.ts";

const root = ["--user", "root:secret"];
const alice = ["--user", "alice:wonder"];

export function* auth(): Walk {
  yield { run: ["auth", "status"], since: 5 };
  yield { run: ["auth", "enable"] };
  yield { run: ["user", "add", "root:secret"] };
  yield { run: ["user", "add", "root:secret"] };
  yield { run: ["user", "add", "alice", "--interactive=false"], input: "first\n" };
  yield { run: ["user", "add", "bob", "--new-user-password", "builder"] };
  yield { run: ["user", "add", "client", "--no-password"] };
  yield { run: ["user", "add", ""] };
  yield { run: ["user", "passwd", "alice", "--interactive=false"], input: "wonder\n" };
  yield { run: ["user", "passwd", "none", "--interactive=false"], input: "x\n" };
  yield { run: ["user", "list"] };
  yield { run: ["user", "list", "-w", "json"] };
  yield* roles();
  yield { run: ["user", "grant-role", "root", "root"] };
  yield { run: ["user", "grant-role", "alice", "reader"] };
  yield { run: ["user", "grant-role", "alice", "none"] };
  yield { run: ["user", "grant-role", "client", "writer"] };
  yield { run: ["user", "get", "alice"] };
  yield { run: ["user", "get", "alice", "--detail"] };
  yield { run: ["user", "get", "none"] };
  yield { run: ["user", "revoke-role", "bob", "reader"] };
  yield { run: ["user", "delete", "bob"] };
  yield { run: ["user", "delete", "bob"] };
  yield { run: ["put", "r/1", "one"] };
  yield { run: ["auth", "enable"] };
  yield { level: true };
  yield { run: ["auth", "enable"] };
  yield* enabled();
  yield { run: [...root, "auth", "disable"] };
  yield { level: true };
  yield { run: ["auth", "disable"] };
  yield { run: ["get", "", "--prefix", "--keys-only"] };
  yield { run: ["role", "delete", "reader"] };
  yield { run: ["role", "delete", "writer"] };
  yield { run: ["role", "delete", "none"] };
  yield { run: ["user", "delete", "client"] };
  yield { run: ["user", "list"] };
  yield { run: ["role", "list"] };
}

function* roles(): Walk {
  yield { run: ["role", "add", "reader"] };
  yield { run: ["role", "add", "reader"] };
  yield { run: ["role", "add", "writer"] };
  yield { run: ["role", "grant-permission", "reader", "read", "r/", "--prefix"] };
  yield { run: ["role", "grant-permission", "reader", "read", "x", "y"] };
  yield { run: ["role", "grant-permission", "writer", "readwrite", "w"] };
  yield { run: ["role", "grant-permission", "writer", "write", "z", "--from-key"] };
  yield { run: ["role", "grant-permission", "writer", "nonsense", "z"] };
  yield { run: ["role", "grant-permission", "none", "read", "z"] };
  yield { run: ["role", "get", "reader"] };
  yield { run: ["role", "get", "writer", "-w", "json"] };
  yield { run: ["role", "get", "none"] };
  yield { run: ["role", "list"] };
  yield { run: ["role", "revoke-permission", "reader", "x", "y"] };
  yield { run: ["role", "revoke-permission", "reader", "x", "y"] };
}

/** Whoever brings no token is the user that his certificate names. */
function* enabled(): Walk {
  yield { run: [...root, "auth", "status"], since: 5 };
  yield { run: ["put", "w", "by certificate"] };
  yield { run: ["put", "r/1", "by certificate"] };
  yield { run: ["get", "w"] };
  yield { run: [...alice, "get", "r/", "--prefix"] };
  yield { run: [...alice, "get", "r/", "--prefix", "-w", "json"], on: "$c3" };
  yield { run: [...alice, "get", "s"] };
  yield { run: [...alice, "put", "r/1", "two"] };
  yield { run: [...alice, "del", "r/1"] };
  yield { run: [...alice, "txn"], input: "\n\nput r/1 x\n\n\n" };
  yield { run: [...alice, "watch", "s"] };
  yield { run: [...alice, "watch", "r/1", "--rev", "8"], until: /one/ };
  yield { run: [...alice, "user", "get", "alice"] };
  yield { run: [...alice, "user", "list"] };
  yield { run: [...alice, "role", "get", "reader"] };
  yield { run: [...alice, "role", "get", "writer"] };
  yield { run: [...alice, "lease", "grant", "100"] };
  yield { run: [...alice, "compaction", "2"] };
  yield { run: [...alice, "snapshot", "save", "$folderrefused.db"] };
  yield { run: [...alice, "alarm", "disarm"] };
  yield { run: [...alice, "member", "remove", "$m1"] };
  yield { run: [...alice, "defrag"] };
  yield { run: [...alice, "auth", "disable"] };
  yield { run: [...alice, "member", "list"], unordered: true };
  yield { run: [...alice, "endpoint", "health"], unordered: true };
  yield { run: ["--user", "alice:wrong", "get", "r/1"] };
  yield { run: ["--user", "nobody:wrong", "get", "r/1"] };
  yield { run: ["--user", "alice", "--password", "wonder", "get", "r/1"] };
  yield { run: [...root, "user", "passwd", "alice", "--interactive=false"], input: "changed\n" };
  yield { run: [...alice, "get", "r/1"] };
  yield { run: ["--user", "alice:changed", "get", "r/1"] };
  yield { run: [...root, "user", "revoke-role", "alice", "reader"] };
  yield { run: ["--user", "alice:changed", "get", "r/1"] };
  yield { run: [...root, "user", "revoke-role", "root", "root"] };
  yield { run: [...root, "user", "delete", "root"] };
  yield { run: [...root, "role", "delete", "root"] };
  yield { run: [...root, "put", "anything", "by root"] };
  yield { run: [...root, "user", "delete", "alice"] };
  yield { run: [...root, "endpoint", "health"], unordered: true };
}
