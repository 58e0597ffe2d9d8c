import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Prng, silentLogger, silentMetrics } from "@flotilla/base";
import { guestsMax, idleCheckMs, idleChecksMax } from "../src/limits.ts";
import { PeerMetrics } from "../src/peer-metrics.ts";
import { Routes } from "../src/routes.ts";
import { addresses, freePort, loopback, ManualTimers } from "./fixtures.ts";

describe("Routes", () => {
  let nobody = 0;
  let timers = new ManualTimers();
  let left: string[] = [];
  let routes: Routes;
  beforeEach(async () => {
    nobody = await freePort();
    timers = new ManualTimers();
    left = [];
    routes = new Routes({
      timers,
      random: new Prng(1),
      logger: silentLogger,
      tls: undefined,
      metrics: new PeerMetrics(silentMetrics, "me"),
      self: "me",
      helloTo: (to, purpose) => ({ purpose, clusterId: 7n, from: "me", to, url: "" }),
      onUnreachable: () => {},
      onGuestLeft: (guest) => left.push(guest),
    });
  });
  afterEach(() => routes.close("the end"));

  it("has a way to each peer, and none to itself", () => {
    routes.setPeers(addresses({ a: nobody, b: nobody, me: nobody }));
    ok(routes.isPeer("a"));
    ok(routes.to("b"));
    equal(routes.to("me"), undefined);
    equal(routes.to("x"), undefined);
  });

  it("keeps the connections of a peer that stays where it is", () => {
    routes.setPeers(addresses({ a: nobody }));
    const before = routes.to("a");
    routes.setPeers(addresses({ a: nobody, b: nobody }));
    equal(routes.to("a"), before);
  });

  it("makes new ones to a peer that has moved", () => {
    routes.setPeers(addresses({ a: nobody }));
    const before = routes.to("a");
    routes.setPeers(addresses({ a: nobody + 1 }));
    notEqual(routes.to("a"), before);
    ok(routes.to("a")?.isTo([loopback(nobody + 1)]));
  });

  it("talks on to a peer that was removed, until it is silent for long", () => {
    routes.setPeers(addresses({ a: nobody }));
    const before = routes.to("a");
    routes.setPeers(addresses({}));
    ok(!routes.isPeer("a"));
    equal(routes.to("a"), before);
    for (let check = 0; check < idleChecksMax; check++) timers.advance(idleCheckMs);
    deepEqual(left, []);
    timers.advance(idleCheckMs);
    deepEqual(left, ["a"]);
    equal(routes.to("a"), undefined);
  });

  it("keeps a guest as long as it speaks", () => {
    routes.meet("x", loopback(nobody));
    for (let check = 0; check < 5 * idleChecksMax; check++) {
      timers.advance(idleCheckMs);
      routes.touch("x");
    }
    ok(routes.to("x"));
  });

  it("makes a peer of a guest, with the connections that there are", () => {
    routes.meet("x", loopback(nobody));
    const before = routes.to("x");
    routes.setPeers(addresses({ x: nobody }));
    equal(routes.to("x"), before);
    for (let check = 0; check < 2 * idleChecksMax; check++) timers.advance(idleCheckMs);
    equal(routes.to("x"), before, "peers do not leave by themselves");
    deepEqual(left, []);
  });

  it("follows a guest that has moved, and takes no peer's address from the peer", () => {
    routes.setPeers(addresses({ a: nobody }));
    routes.meet("a", loopback(nobody + 1));
    ok(routes.to("a")?.isTo([loopback(nobody)]));
    routes.meet("x", loopback(nobody));
    routes.meet("x", loopback(nobody + 1));
    ok(routes.to("x")?.isTo([loopback(nobody + 1)]));
  });

  it("drops the guest that was silent for longest when there are too many", () => {
    for (let guest = 0; guest < guestsMax; guest++) routes.meet(`x${guest}`, loopback(nobody));
    routes.touch("x0");
    routes.meet("x1", loopback(nobody)); // It has said again who it is.
    routes.meet("one more", loopback(nobody));
    deepEqual(left, ["x2"]);
    equal(routes.to("x2"), undefined);
    ok(routes.to("x0"));
    ok(routes.to("x1"));
  });
});
