import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { eventKind } from "../../src/world/event-kind.ts";
import { type LinkQuality, Network, type Station } from "../../src/world/network.ts";
import { World } from "../../src/world/world.ts";

const sound: LinkQuality = {
  delayMinMs: 1,
  delayMaxMs: 10,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  bytesPerMs: 0,
};

/** Three stations that write down what arrives. */
function threeStations(quality: Partial<LinkQuality> = {}, seed = 1) {
  const world = new World(seed);
  const arrived: { at: number; atMs: number; from: number; subject: unknown }[] = [];
  const lost: { at: number; peer: number; subject: unknown }[] = [];
  const isThere = [true, true, true];
  const stations = [0, 1, 2].map((at): Station => {
    return {
      arrive(_kind, from, subject) {
        if (!isThere[at]) return false;
        arrived.push({ at, atMs: world.nowMs, from, subject });
        return true;
      },
      lost: (_kind, peer, subject) => void lost.push({ at, peer, subject }),
    };
  });
  const network = new Network(world, { quality: { ...sound, ...quality }, size: 3 }, stations);
  const run = (forMs = 1_000): void => world.run(world.nowMs + forMs, () => false);
  const subjects = (): unknown[] => arrived.map(({ subject }) => subject);
  return { world, network, arrived, lost, isThere, run, subjects };
}

const { message, bulk } = eventKind;
const numbers = Array.from({ length: 200 }, (_, at) => at);

describe("a link", () => {
  it("keeps the order of what is sent, whatever the delays", () => {
    const { network, arrived, run, subjects } = threeStations();
    for (const number of numbers) network.link(0, 1).send(message, number, 10);
    run();
    deepEqual(subjects(), numbers);
    ok(arrived.every(({ at, from, atMs }) => at === 1 && from === 0 && atMs >= 1 && atMs <= 10));
  });

  it("lets some overtake others, when it is told to", () => {
    const { network, run, subjects } = threeStations({ reorder: 0.5 });
    for (const number of numbers) network.link(0, 1).send(message, number, 10);
    run();
    equal(subjects().length, numbers.length);
    ok(subjects().some((subject, at) => subject !== at));
    ok(network.counts.reordered > 50);
  });

  it("loses and repeats about as often as it is told to", () => {
    const { network, run, subjects } = threeStations({ loss: 0.25, duplicate: 0.25 });
    for (const number of numbers) network.link(0, 1).send(message, number, 10);
    run();
    const { lost, duplicated } = network.counts;
    ok(lost > 20 && lost < 100, `${lost} lost`);
    ok(duplicated > 20 && duplicated < 100, `${duplicated} repeated`);
    equal(subjects().length, numbers.length - lost + duplicated);
  });

  it("cuts one direction, with what is under way, and heals", () => {
    const { network, run, subjects } = threeStations();
    network.link(0, 1).send(message, "under way", 10);
    network.link(0, 1).cut(false);
    network.link(0, 1).send(message, "after", 10);
    network.link(1, 0).send(message, "back", 10);
    run();
    deepEqual(subjects(), ["back"]);
    network.link(0, 1).heal();
    network.link(0, 1).send(message, "healed", 10);
    run();
    deepEqual(subjects(), ["back", "healed"]);
  });

  it("stays cut until each cut is mended", () => {
    const { network, run, subjects } = threeStations();
    const link = network.link(0, 1);
    link.cut(false);
    link.cut(false);
    link.mend();
    link.send(message, "no", 10);
    run();
    link.mend();
    link.send(message, "yes", 10);
    run();
    deepEqual(subjects(), ["yes"]);
  });

  it("tells its sender of a cut only when that can be noticed, and of nobody being there", () => {
    const { network, lost, isThere, run } = threeStations();
    network.link(0, 1).cut(false);
    network.link(0, 1).send(message, "silence", 10);
    network.link(0, 2).cut(true);
    network.link(0, 2).send(message, "noticed", 10);
    isThere[1] = false;
    network.link(2, 1).send(message, "nobody", 10);
    run();
    deepEqual(
      lost.map(({ at, peer }) => [at, peer]),
      [
        [0, 2],
        [2, 1],
      ],
    );
  });

  it("holds what is sent while it is clogged, and then gives it in order", () => {
    const { network, arrived, run, subjects } = threeStations();
    const link = network.link(0, 1);
    link.clog();
    for (const number of numbers) link.send(message, number, 10);
    run();
    deepEqual(subjects(), []);
    link.unclog();
    run();
    deepEqual(subjects(), numbers);
    ok(arrived.every(({ atMs }) => atMs >= 1_000));
  });

  it("takes as long as its bandwidth says, and frames of snapshots hold up no message", () => {
    const { network, arrived, run } = threeStations({ bytesPerMs: 10, delayMaxMs: 1 });
    const link = network.link(0, 1);
    for (let frame = 0; frame < 5; frame++) link.send(bulk, "frame", 1_000);
    link.send(message, "message", 10);
    run();
    const atMs = (subject: string): number[] =>
      arrived.filter((parcel) => parcel.subject === subject).map((parcel) => parcel.atMs);
    deepEqual(atMs("frame"), [101, 201, 301, 401, 501]);
    deepEqual(atMs("message"), [2]);
  });

  it("drops what would wait too long for its bandwidth", () => {
    const { network, run, subjects } = threeStations({ bytesPerMs: 1 });
    for (const number of numbers) network.link(0, 1).send(message, number, 100);
    run(100_000);
    ok(subjects().length < 30 && subjects().length > 10, `${subjects().length} arrived`);
  });

  it("draws from a stream of its own: what other links do changes nothing", () => {
    const times = (isOtherUsed: boolean): number[] => {
      const { network, arrived, run } = threeStations({ loss: 0.2 }, 7);
      for (const number of numbers) {
        if (isOtherUsed) network.link(2, 1).send(message, number, 10);
        network.link(0, 1).send(message, number, 10);
      }
      run();
      return arrived.filter(({ from }) => from === 0).map(({ atMs }) => atMs);
    };
    deepEqual(times(true), times(false));
  });
});
