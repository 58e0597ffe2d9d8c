/** Members added as learners, promoted, given other addresses and removed; leadership moved. */
import type { Walk } from "../walker.ts";

const added = { $m4: /Member +([0-9a-f]+) (?:as|added)/ };

export function* members(): Walk {
  yield { run: ["member", "list"], unordered: true };
  yield { run: ["member", "list", "-w", "table"], unordered: true };
  yield { run: ["member", "list", "-w", "fields"], unordered: true };
  yield { run: ["member", "list", "-w", "json"], silent: true }; // In the order of ids.
  yield { run: ["member", "list", "--consistency", "s"], unordered: true, since: 6 };
  yield { run: ["member", "add", "m4"] };
  yield { run: ["member", "add", "m4", "--peer-urls", "nonsense"] };
  yield { run: ["member", "add", "m4", "--peer-urls", "$p1"] };
  const learner = ["member", "add", "m4", "--peer-urls", "$p4", "--learner"];
  yield { run: learner, bind: added, patient: /added/ };
  yield { run: ["member", "add", "m5", "--peer-urls", "https://127.0.0.1:9", "--learner"] };
  yield { run: ["member", "promote", "$m4"] };
  yield { run: ["member", "list"], unordered: true };
  yield { join: "m4" };
  yield { run: ["put", "to", "learner"] };
  yield { run: ["get", "to", "--consistency", "s"], on: "$c4", patient: /learner/ };
  yield { run: ["get", "to"], on: "$c4" };
  yield { run: ["put", "to", "nobody"], on: "$c4" };
  yield { run: ["lease", "grant", "10"], on: "$c4" };
  yield { run: ["endpoint", "status"], on: "$c4" };
  yield { run: ["move-leader", "$m4"] };
  yield { run: ["member", "promote", "$m4"], patient: /./ };
  yield { run: ["member", "promote", "$m4"] };
  yield { run: ["member", "promote", "1"] };
  yield { run: ["member", "promote", "x"] };
  yield { run: ["put", "to", "all"], on: "$c4" };
  yield { run: ["get", "to"], on: "$c4" };
  yield { run: ["member", "list"], unordered: true };
  yield { run: ["member", "update", "$m4", "--peer-urls", "$p1"] };
  yield { run: ["member", "update", "$m4", "--peer-urls", "$p4"] };
  yield { run: ["member", "update", "1", "--peer-urls", "$p4"] };
  yield { run: ["member", "update", "$m4"] };
  yield* leadership();
  yield { run: ["member", "remove", "$m4"], patient: /./ };
  yield { run: ["member", "remove", "$m4"] };
  yield { run: ["member", "remove", "x"] };
  yield { run: ["member", "remove"] };
  yield { run: ["member", "list"], unordered: true };
}

function* leadership(): Walk {
  yield { run: ["move-leader", "1"] };
  yield { run: ["move-leader", "x"] };
  yield { run: ["move-leader"] };
  yield { find: "leader" };
  yield { run: ["move-leader", "$leader"], on: "$cother" };
  yield { run: ["move-leader", "$other"], on: "$all", silent: true };
  yield { find: "leader" };
  yield { run: ["move-leader", "$other"], on: "$cleader", silent: true };
  yield { find: "leader" };
}
