/**
 * Does to the world what a scenario says, and takes back what ends by itself.
 *
 * What would lose data for good is done only while the rest can bear it (the fault atlas): the
 * oracle is asked whether a committed entry would be buried, the cluster whether a quorum is left,
 * and a second loss waits until the first server runs again.
 */
import { assertNever } from "@flotilla/base";
import type { InvariantOracle } from "../oracles/index.ts";
import type { Fault } from "../scenario/scenario.ts";
import type { Machine } from "../server/machine.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { DirectedLink } from "../world/topology.ts";
import type { World } from "../world/world.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterOperator } from "./membership.ts";
import { planRecovery } from "./plan-recovery.ts";
import { hasStateSource } from "./state-source.ts";

/** A server whose disk has lost data is started again after this. */
const restartMs = 200;

/** Between the standstill of a machine that is moved and its leaving the network. */
const eclipseLagMs = 100;

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;

/** Something that happens later. */
class Later implements EventTarget {
  readonly #action: () => void;

  constructor(action: () => void) {
    this.#action = action;
  }

  handle(): void {
    this.#action();
  }
}

export class FaultDriver {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #operator: ClusterOperator;
  readonly #oracle: InvariantOracle;
  readonly #note: (what: string) => void;
  /** How often each kind was really done. */
  readonly counts: Record<string, number> = {};
  #isHealed = false;

  constructor(
    world: World,
    parts: {
      readonly cluster: Cluster;
      readonly operator: ClusterOperator;
      readonly oracle: InvariantOracle;
      note(what: string): void;
    },
  ) {
    this.#world = world;
    this.#cluster = parts.cluster;
    this.#operator = parts.operator;
    this.#oracle = parts.oracle;
    this.#note = parts.note;
  }

  apply(fault: Fault): void {
    if (!this.#do(fault)) return;
    this.counts[fault.kind] = (this.counts[fault.kind] ?? 0) + 1;
  }

  /** Ends everything that goes on. Everybody who can runs. */
  heal(): void {
    this.#isHealed = true;
    for (const link of this.#cluster.network.links) link.heal();
    for (const machine of this.#cluster.machines) {
      machine.heal();
      if (machine.view.start > 0) machine.start();
    }
  }

  /** False when it could not be done. */
  #do(fault: Fault): boolean {
    switch (fault.kind) {
      case "crash":
        return this.#crash(fault);
      case "cut":
        return this.#cut(fault);
      case "eclipse":
        return this.#eclipse(fault);
      case "clog":
      case "degrade":
        return this.#hinderLink(fault);
      case "wipe":
      case "bitFlip":
      case "diskLie":
        return this.#loseData(fault);
      case "recover":
        return this.#recover(fault);
      case "diskStall":
      case "diskSlow":
      case "diskFull":
      case "diskError":
        return this.#hinderDisk(fault);
      case "pause":
      case "slowApply":
      case "clockRate":
      case "clockLeap":
        return this.#hinderProcess(fault);
      case "replaceState":
        return this.#replaceState(fault);
      default:
        return assertNever(fault);
    }
  }

  #crash({ server, power, isInWrite, downMs }: FaultOf<"crash">): boolean {
    const machine = this.#cluster.machine(server);
    if (!machine.isUp) return false;
    const crash = (): void => {
      if (power) this.#losePower(machine);
      else machine.crash(false);
      machine.startAfter(downMs);
    };
    if (!isInWrite) crash();
    else machine.disk.onNextWrite((durationMs) => this.#after(durationMs / 2, crash));
    return true;
  }

  #cut({ shape, links, isNoticed, forMs }: FaultOf<"cut">): boolean {
    const cut = links.map(([from, to]) => this.#cluster.network.link(from, to));
    this.#note(`partition ${shape}: ${linksText(links, this.#cluster)}`);
    for (const link of cut) link.cut(isNoticed);
    this.#after(forMs, () => {
      for (const link of cut) link.mend();
      this.#note(`partition ${shape} ends`);
    });
    return true;
  }

  #eclipse(fault: FaultOf<"eclipse">): boolean {
    const leader = this.#cluster.machines.find(({ isUp, view }) => isUp && view.role === "leader");
    const machine = leader ?? this.#cluster.machine(fault.server);
    this.#note(`eclipse of ${machine.id}`);
    // Right after a heartbeat: its answers are what a leader must not take for more than they are.
    machine.onNextHeartbeat(() => this.#after(0, () => this.#eclipseNow(machine, fault)));
    return true;
  }

  #eclipseNow(machine: Machine, { forMs, cutMs, isHeld }: FaultOf<"eclipse">): void {
    const { machines, network } = this.#cluster;
    machine.pause();
    this.#after(forMs, () => machine.resume());
    const others = machines.filter((other) => other !== machine);
    const outwards = others.map(({ index }) => network.link(machine.index, index));
    const inwards = others.map(({ index }) => network.link(index, machine.index));
    const [cut, held] = isHeld ? [outwards, inwards] : [[...outwards, ...inwards], []];
    for (const link of held) link.clog();
    // What is on its way when it stops still arrives.
    this.#after(Math.min(eclipseLagMs, forMs), () => {
      for (const link of cut) link.cut(false);
      this.#after(cutMs, () => {
        for (const link of cut) link.mend();
        for (const link of held) link.unclog();
      });
    });
  }

  #hinderLink(fault: FaultOf<"clog" | "degrade">): boolean {
    const link = this.#cluster.network.link(...fault.link);
    this.#note(`${fault.kind} ${linksText([fault.link], this.#cluster)}`);
    if (fault.kind === "clog") {
      link.clog();
      this.#after(fault.forMs, () => link.unclog());
    } else {
      link.quality = fault.quality;
      this.#after(fault.forMs, () => {
        link.quality = this.#cluster.network.quality;
      });
    }
    return true;
  }

  #hinderDisk(fault: FaultOf<"diskStall" | "diskSlow" | "diskFull" | "diskError">): boolean {
    const machine = this.#cluster.machine(fault.server);
    const { disk } = machine;
    this.#note(`${fault.kind} on ${machine.id}`);
    switch (fault.kind) {
      case "diskStall":
        disk.stall();
        this.#after(fault.forMs, () => disk.resume());
        break;
      case "diskSlow":
        disk.slowDown(fault.factor);
        machine.state.slowDown(fault.factor);
        this.#after(fault.forMs, () => {
          disk.slowDown(1);
          machine.state.slowDown(1);
        });
        break;
      case "diskFull":
        disk.setFull(true);
        this.#after(fault.forMs, () => disk.setFull(false));
        break;
      case "diskError":
        disk.failWrites(1);
        break;
    }
    return true;
  }

  #hinderProcess(fault: FaultOf<"pause" | "slowApply" | "clockRate" | "clockLeap">): boolean {
    const machine = this.#cluster.machine(fault.server);
    this.#note(`${fault.kind} on ${machine.id}`);
    switch (fault.kind) {
      case "pause":
        machine.pause();
        this.#after(fault.forMs, () => machine.resume());
        break;
      case "slowApply":
        machine.stallApplying(fault.stallMs);
        this.#after(fault.forMs, () => machine.stallApplying(0));
        break;
      case "clockRate":
        machine.clock.setRate(fault.rate);
        break;
      case "clockLeap":
        machine.clock.leap(fault.byMs);
        break;
    }
    return true;
  }

  #replaceState({ server, isLeader, patienceMs }: FaultOf<"replaceState">): boolean {
    const { machines } = this.#cluster;
    const leader = machines.find(({ isUp, view }) => isUp && view.role === "leader");
    const machine = (isLeader ? leader : undefined) ?? this.#cluster.machine(server);
    if (!this.#mayReplaceState(machine)) return false;
    this.#note(`${machine.id} has its store replaced`);
    machine.replaceState();
    if (patienceMs > 0) this.#after(patienceMs, () => this.#tryAgain(machine, patienceMs));
    return true;
  }

  #tryAgain(machine: Machine, afterMs: number): void {
    if (!machine.isReplacingState) return;
    machine.giveUpReplacement();
    this.#after(afterMs, () => {
      if (this.#mayReplaceState(machine)) machine.replaceState();
    });
  }

  /** Somebody else is left to have a state from. */
  #mayReplaceState(machine: Machine): boolean {
    const { machines } = this.#cluster;
    const { isUp, isWitness, takesNoPart, isReplacingState, view } = machine;
    if (!isUp || isWitness || takesNoPart || isReplacingState) return false;
    const wanting = machines.filter((other) => other === machine || other.isReplacingState);
    return hasStateSource(machines, wanting, view.configuration);
  }

  #loseData(fault: FaultOf<"wipe" | "bitFlip" | "diskLie">): boolean {
    const machine = this.#cluster.machine(fault.server);
    if (!machine.view.isUp || !this.#mayLose(machine)) return false;
    if (fault.kind === "wipe" && this.#cluster.couldFoundAgain(machine)) return false;
    this.#note(`${fault.kind} on ${machine.id}`);
    if (fault.kind === "diskLie") {
      machine.hasLyingDisk = true;
      this.#oracle.declareFaultyDisk(machine.id);
      machine.disk.setLying(true);
      this.#after(fault.forMs, () => {
        this.#losePower(machine);
        machine.disk.setLying(false);
        machine.startAfter(restartMs);
      });
      return true;
    }
    machine.isDoubtful = true;
    machine.disk.setLying(false);
    if (fault.kind === "wipe") machine.wipe();
    else {
      machine.crash(true);
      machine.disk.rot(fault.place);
      machine.hasRottenDisk = true;
    }
    machine.startAfter(restartMs);
    return true;
  }

  #recover({ server, downMs }: FaultOf<"recover">): boolean {
    const plan = planRecovery(this.#cluster, this.#operator, server);
    if (plan === undefined) return false;
    const { survivor, destroyed, leftBehind } = plan;
    this.#note(`disaster: only ${survivor.id} is left`);
    survivor.disk.setLying(false);
    for (const machine of destroyed) machine.retire("destroyed");
    for (const machine of leftBehind) {
      machine.isLeftBehind = true;
      machine.disk.setLying(false);
      machine.crash(true);
      machine.startAfter(downMs);
    }
    survivor.recoverByForce();
    return true;
  }

  /** A disk that has lied gets its way only while that can be borne. */
  #losePower(machine: Machine): void {
    if (machine.disk.isLying) {
      if (this.#mayLose(machine)) machine.isDoubtful = true;
      else machine.disk.setLying(false);
    }
    machine.crash(true);
  }

  #mayLose(machine: Machine): boolean {
    if (this.#cluster.machines.some(({ isDoubtful }) => isDoubtful)) return false;
    return this.#operator.canDoWithout(machine) && this.#oracle.toleratesLossOf(machine.id);
  }

  #after(delayMs: number, action: () => void): void {
    const unlessHealed = (): void => {
      if (!this.#isHealed) action();
    };
    this.#world.schedule(delayMs, eventKind.recovery, new Later(unlessHealed), undefined);
  }
}

function linksText(links: readonly DirectedLink[], cluster: Cluster): string {
  return links
    .map(([from, to]) => `${cluster.machine(from).id}>${cluster.machine(to).id}`)
    .join(" ");
}
