import { describe, it } from "node:test";
import {
  command,
  configurationEntry,
  configurationOf,
  holds,
  isBroken,
  settled,
  TestCluster,
} from "./fixtures.ts";

describe("the observer of logs", () => {
  it("accepts that a follower replaces what is not committed", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").write(1, "111").sync());
    cluster.elect("b", 2, "c");
    cluster.replicate(3, "22", "b", "c");
    cluster.commit(4, "b", "c");
  });

  it("accepts entries that were written once more", () => {
    const cluster = settled();
    cluster.sees(cluster.at("b").write(1, "11"));
  });

  it("accepts compaction, and a snapshot in the place of a log that does not lead up to it", () => {
    const cluster = settled();
    const [a, c] = [cluster.at("a"), cluster.at("c")];
    cluster.sees(a.apply(2));
    a.log.compactTo(2);
    cluster.sees(a);
    c.write(1, "0");
    cluster.sees(c);
    c.log.write({ snapshot: { index: 2, term: 1 } });
    cluster.sees(c.enter(1).commit(2)); // The state machine lags while it is installed.
    cluster.sees(c.apply(2).sync());
    cluster.sees(c.stop());
    cluster.sees(c.restart());
  });

  it("rejects two contents at one place", () => {
    const cluster = settled();
    const server = cluster.at("c").write(1, [command(1, 1, "other")]);
    cluster.breaks(server, "logMatching", /\(1, 1\) is a command of 5 bytes .* on c and .* on a/);
  });

  it("rejects two kinds at one place", () => {
    const cluster = settled();
    const server = cluster.at("c").write(1, [{ ...command(1, 1), kind: "noop" }]);
    cluster.breaks(server, "logMatching", /is a noop of 3 bytes/);
  });

  it("rejects two pasts of one place", () => {
    const cluster = settled();
    cluster.replicate(3, "1", "a");
    cluster.at("c").write(1, "1");
    cluster.at("c").log.write({ entries: [{ ...command(2, 1), term: 2 }] });
    cluster.at("c").enter(2);
    cluster.sees(cluster.at("c"));
    cluster
      .at("b")
      .enter(3)
      .write(3, [command(3, 3)]);
    cluster.sees(cluster.at("b"));
    cluster
      .at("c")
      .enter(3)
      .write(3, [command(3, 3)]);
    cluster.breaks(cluster.at("c"), "logMatching", /\(3, 3\) follows term 2 on c and term 1 on b/);
  });

  it("lets witnesses hold entries without their data, and nobody else", () => {
    const cluster = new TestCluster(configurationOf("a b c", { witnesses: ["c"] }));
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "11", "a");
    const stripped = [1, 2].map((index) => ({
      ...command(index, 1),
      kind: "noop" as const,
      data: new Uint8Array(),
    }));
    cluster.replicate(1, stripped, "c");
    cluster.at("b").write(1, stripped);
    cluster.breaks(cluster.at("b"), "logMatching", /is a noop of 0 bytes/);
  });

  it("learns the data when a witness was the first to show an entry", () => {
    const cluster = new TestCluster(configurationOf("a b c", { witnesses: ["c"] }));
    cluster.sees(cluster.at("c").write(1, [{ ...command(1, 1), data: new Uint8Array() }]));
    cluster.sees(cluster.at("a").write(1, "1"));
    cluster.at("b").write(1, [command(1, 1, "other")]);
    cluster.breaks(cluster.at("b"), "logMatching", /\(1, 1\) is a command of 5 bytes/);
  });

  it("does not take an empty entry of a server with data for a witness's", () => {
    const cluster = new TestCluster();
    cluster.sees(
      cluster.at("a").write(1, [{ ...command(1, 1), kind: "noop", data: new Uint8Array() }]),
    );
    cluster.breaks(cluster.at("b").write(1, "1"), "logMatching", /a command of 3 bytes/);
  });

  it("rejects a configuration without its data, also on witnesses", () => {
    const cluster = new TestCluster(configurationOf("a b c", { witnesses: ["c"] }));
    const joint = configurationOf("a b c", { old: "a b c", witnesses: ["c"] });
    cluster.at("a").configuration = joint;
    cluster.sees(cluster.at("a").write(1, [configurationEntry(1, 1, joint)]));
    const server = cluster
      .at("c")
      .write(1, [{ ...command(1, 1), data: new Uint8Array(), kind: "config" }]);
    cluster.breaks(server, "configuration", /c has no sound configuration at 1/);
  });

  it("rejects a log that shrinks without a conflict", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").write(1, "11"));
    cluster.at("c").log.write({ entries: [command(1, 1)] });
    cluster.breaks(
      cluster.at("c"),
      "logShrinks",
      /had \(2, 1\), its log ended at 2, now .* nothing/,
    );
  });

  it("rejects that a committed entry is replaced", () => {
    const cluster = settled();
    const server = cluster.at("b").enter(2);
    server.log.write({ entries: [command(2, 2)] });
    cluster.breaks(server, "committedImmutable", /committed up to 2: b had \(2, 1\)/);
  });

  it("rejects a snapshot that contradicts what is committed", () => {
    const cluster = settled();
    const server = cluster.at("b").enter(2);
    server.log.restart({
      hardState: { term: 2, vote: "", commit: 0 },
      snapshot: { index: 2, term: 2 },
      entries: [],
    });
    cluster.breaks(server, "committedImmutable", /committed up to 2: b had \(2, 1\)/);
  });

  it("rejects logs whose terms fall, whose indexes jump, or which are ahead of their server", () => {
    const falls = settled();
    falls.at("c").write(1, "21");
    falls.breaks(falls.at("c"), "logShape", /c has \(2, 1\) at index 2, after term 2/);
    const jumps = settled();
    jumps.at("c").write(1, [command(1, 1), command(3, 1)]);
    jumps.breaks(jumps.at("c"), "logShape", /c has \(3, 1\) at index 2/);
    const ahead = settled();
    ahead.at("c").write(1, "2").enter(1);
    ahead.breaks(ahead.at("c"), "logShape", /c is in term 1 and its last entry \(1, 2\)/);
  });

  it("compares whole logs at the end", () => {
    const fine = settled();
    holds(fine.oracle.finish());
    const cluster = settled();
    const server = cluster.at("b");
    const { log } = server;
    // Bits flip in the middle of a log: no event shows it.
    server.log = new Proxy(log, {
      get: (target, name) =>
        name === "entryAt"
          ? (index: number) => (index === 1 ? command(1, 1, "flip") : target.entryAt(index))
          : typeof Reflect.get(target, name) === "function"
            ? Reflect.get(target, name).bind(target)
            : Reflect.get(target, name, target),
    });
    cluster.sees(server);
    isBroken(cluster.oracle.finish(), "logMatching", /\(1, 1\) is a command of 4 bytes/);
  });
});
