/**
 * Whom this member talks to: its peers, who come and go, and a few guests.
 *
 * A guest is a member of the cluster that is not among the peers here: we lag, and have not heard of
 * it yet, or it was removed, and has not heard of that yet. It must be answered all the same: a
 * member that lags has to vote for a candidate that it does not know (trap T15), and one that was
 * removed has to be told. Guests are few and leave when nothing is said for a while.
 */
import type { NodeId } from "@flotilla/consensus";
import type { PeerAddress } from "./address.ts";
import { guestsMax, idleCheckMs, idleChecksMax } from "./limits.ts";
import { Route, type RouteDeps } from "./route.ts";

interface Guest {
  readonly route: Route;
  /** Looks since the last word from it or to it. */
  idleChecks: number;
}

export interface RoutesDeps extends RouteDeps {
  readonly self: NodeId;
  /** Nothing more is said to `guest`, nor heard from it until it says anew who it is. */
  onGuestLeft(guest: NodeId): void;
}

export class Routes {
  readonly #deps: RoutesDeps;
  readonly #peers = new Map<NodeId, Route>();
  /** The one that was silent for longest comes first. */
  readonly #guests = new Map<NodeId, Guest>();
  #stopChecks: () => void;

  constructor(deps: RoutesDeps) {
    this.#deps = deps;
    this.#stopChecks = deps.timers.after(idleCheckMs, () => this.#checkIdle());
  }

  isPeer(id: NodeId): boolean {
    return this.#peers.has(id);
  }

  /** The way to a peer or a guest. */
  to(id: NodeId): Route | undefined {
    const peer = this.#peers.get(id);
    if (peer !== undefined) return peer;
    this.touch(id);
    return this.#guests.get(id)?.route;
  }

  /** Who is a peer from now on. Whoever is one no more becomes a guest. */
  setPeers(peers: ReadonlyMap<NodeId, readonly PeerAddress[]>): void {
    for (const [id, route] of [...this.#peers]) {
      if (peers.has(id)) continue;
      this.#peers.delete(id);
      this.#addGuest(route);
    }
    for (const [id, addresses] of peers) if (id !== this.#deps.self) this.#setPeer(id, addresses);
  }

  /** Ends all connections to `id`, and forgets it. */
  drop(id: NodeId, reason: string): void {
    this.#peers.get(id)?.close(reason);
    this.#guests.get(id)?.route.close(reason);
    this.#peers.delete(id);
    this.#guests.delete(id);
  }

  /** Someone who is no peer, it may be, has said who it is. */
  meet(id: NodeId, address: PeerAddress | undefined): void {
    if (this.#peers.has(id) || address === undefined) return;
    const known = this.#guests.get(id);
    if (known?.route.isTo([address]) === true) {
      this.touch(id);
      return;
    }
    this.#guests.delete(id);
    known?.route.close("the member has moved");
    this.#deps.logger.info("guest connected", { guest: id });
    this.#addGuest(new Route(id, [address], this.#deps));
  }

  /** A word from `id`, or to it: if it is a guest, it stays. */
  touch(id: NodeId): void {
    const guest = this.#guests.get(id);
    if (guest === undefined) return;
    guest.idleChecks = 0;
    this.#guests.delete(id);
    this.#guests.set(id, guest);
  }

  close(reason: string): void {
    this.#stopChecks();
    for (const route of this.#peers.values()) route.close(reason);
    for (const { route } of this.#guests.values()) route.close(reason);
    this.#peers.clear();
    this.#guests.clear();
  }

  #setPeer(id: NodeId, addresses: readonly PeerAddress[]): void {
    const known = this.#peers.get(id) ?? this.#guests.get(id)?.route;
    this.#guests.delete(id);
    if (known?.isTo(addresses) === true) {
      this.#peers.set(id, known);
      return;
    }
    known?.close("the member has moved");
    const route = new Route(id, addresses, this.#deps);
    route.connect();
    this.#peers.set(id, route);
  }

  #addGuest(route: Route): void {
    this.#guests.set(route.peer, { route, idleChecks: 0 });
    if (this.#guests.size <= guestsMax) return;
    for (const idlest of this.#guests.keys()) {
      this.#dropGuest(idlest, "too many guests");
      break;
    }
  }

  #dropGuest(id: NodeId, reason: string): void {
    const guest = this.#guests.get(id);
    if (guest === undefined) return;
    this.#guests.delete(id);
    guest.route.close(reason);
    this.#deps.onGuestLeft(id);
  }

  /** Looks are counted and time is not measured: a process that was stopped blames nobody. */
  #checkIdle(): void {
    for (const route of this.#peers.values()) route.checkIdle();
    for (const [id, guest] of [...this.#guests]) {
      guest.route.checkIdle();
      if (++guest.idleChecks > idleChecksMax) this.#dropGuest(id, "idle");
    }
    this.#stopChecks = this.#deps.timers.after(idleCheckMs, () => this.#checkIdle());
  }
}
