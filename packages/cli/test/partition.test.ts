import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { silentLogger } from "@flotilla/base";
import type { MemberInfo } from "@flotilla/member";
import { serveChaos, tellChaos } from "../src/chaos-socket.ts";
import { cutOffs, parseGroups } from "../src/cluster/partition.ts";

describe("groups of members", () => {
  const parse = (text: string) => parseGroups(text, ["m1", "m2", "m3"], ["n1"]);

  it("cannot reach each other", () => {
    deepEqual(
      [...cutOffs(parse("m1| m2, m3"))],
      [
        ["m1", ["m2", "m3"]],
        ["m2", ["m1"]],
        ["m3", ["m1"]],
      ],
    );
    deepEqual([...cutOffs(parse("m1|m2"))].length, 2, "m3 reaches both");
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ["m1,m2", /it takes groups/],
    ["m1|", /it takes groups/],
    ["m1|,m2", /it takes groups/],
    ["m1|m9", /There is no member "m9"/],
    ["m1|n1", /n1 is a node/],
    ["m1|m2,m1", /m1 cannot be in two places/],
  ];
  for (const [text, message] of wrong) {
    it(`are not ${text}`, () => throws(() => parse(text), { code: "badInput", message }));
  }
});

describe("the socket for chaos", () => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-chaos-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  function memberOf(names: readonly string[]) {
    const told: bigint[][] = [];
    const members = names.map((name, at) => ({ name, id: BigInt(at + 1) }) as MemberInfo);
    const cutOff = (ids: ReadonlySet<bigint>) => void told.push([...ids]);
    return { told, member: { id: 1n, members: () => members, cutOff } };
  }

  it("tells a member whom it cannot reach, is for its owner alone, and takes a dead one's place", async () => {
    const path = join(folder, "s");
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(path, resolve));
    const { told, member } = memberOf(["m1", "m2", "m3"]);
    const close = await serveChaos(path, member, silentLogger);
    equal(statSync(path).mode & 0o777, 0o600);
    await tellChaos(path, ["m3", "m2"]);
    await tellChaos(path, []);
    deepEqual(told, [[3n, 2n], []]);
    await rejects(tellChaos(path, ["m4"]), { code: "refused", message: /no member m4/ });
    await rejects(tellChaos(path, ["m1"]), { code: "refused", message: /m1 is this member/ });
    await close();
    dead.close();
    await rejects(tellChaos(path, []), { code: "cannotConnect", message: /Cannot reach/ });
  });

  it("may be missing: the member runs without", async () => {
    const path = join(folder, "x".repeat(300));
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
    const close = await serveChaos(path, memberOf(["m1"]).member, logger);
    match(warned.join(), /no socket for chaos/);
    await close();
  });
});
