/**
 * A disk in virtual time: the log's `Disk` over bytes in memory, with everything that goes wrong.
 *
 * A write is on stable storage when it is done and not before: a crash leaves any part of one that
 * was under way. Names are durable only after their directory was synchronised. The disk can be slow,
 * stand still, be full, fail, lie about what it has stored, and rot.
 */
import type { Prng } from "@flotilla/base";
import type { Disk, DiskFile, Done } from "@flotilla/wal";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { World } from "../world/world.ts";
import { FileContent } from "./file-content.ts";
import { Names, parentOf } from "./names.ts";

/** How fast a disk is. */
export interface DiskSpeed {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  readonly bytesPerMs: number;
}

/** Is there when the disk is new. */
export const homeDirectory = "member";

/** What a failed operation ends with, as the operating system would say it. */
export class DiskFault extends Error {
  override readonly name = "DiskFault";
  readonly code: "EIO" | "ENOSPC" | "ENOENT";

  constructor(code: DiskFault["code"], message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

type Work =
  | {
      readonly kind: "write";
      readonly file: FileContent;
      readonly bytes: Uint8Array;
      readonly offset: number;
    }
  | { readonly kind: "truncate"; readonly file: FileContent; readonly size: number }
  | { readonly kind: "makeDirectory" | "list" | "read" | "open" | "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly from: string }
  | { readonly kind: "sync"; readonly path: string; readonly pending: readonly unknown[] }
  | { readonly kind: "close" | "defer" };

/** An operation that has ended; `finish` tells whoever waits for it. */
export interface Completion {
  finish(): void;
}

class Operation implements Completion {
  readonly work: Work;
  readonly generation: number;
  readonly #done: Done<never>;
  error: unknown;
  value: unknown;

  constructor(work: Work, generation: number, done: Done<never>) {
    this.work = work;
    this.generation = generation;
    this.#done = done;
  }

  finish(): void {
    (this.#done as Done<unknown>)(this.error, this.value);
  }
}

export class SimulatedDisk implements Disk, EventTarget {
  readonly #world: World;
  readonly #random: Prng;
  readonly #speed: DiskSpeed;
  readonly #deliver: (completion: Completion) => void;
  readonly #names: Names = new Names();
  #underWay: Operation[] = [];
  /** Operations that a disk which stands still does not end. */
  #held: Operation[] | undefined;
  /** Counts crashes: operations of an earlier life end nowhere. */
  #generation = 0;
  #slowness = 1;
  #isFull = false;
  #failingWrites = 0;
  #isLying = false;
  #onWrite: ((durationMs: number) => void) | undefined;
  /** Operations that it was made to fail: whoever gives up without one has no reason to. */
  faults = 0;

  /** `deliver` is given what has ended. */
  constructor(
    parts: { readonly world: World; readonly random: Prng; readonly speed: DiskSpeed },
    deliver: (completion: Completion) => void,
  ) {
    this.#world = parts.world;
    this.#random = parts.random;
    this.#speed = parts.speed;
    this.#deliver = deliver;
    this.#names.found(homeDirectory);
  }

  defer(callback: () => void): void {
    const operation = new Operation({ kind: "defer" }, this.#generation, callback);
    this.#underWay.push(operation);
    this.#world.schedule(0, eventKind.disk, this, operation);
  }

  makeDirectory(path: string, done: Done): void {
    this.#begin({ kind: "makeDirectory", path }, 0, done);
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.#begin({ kind: "list", path }, 0, done);
  }

  read(path: string, done: Done<Uint8Array>): void {
    const inode = this.#names.get(path);
    this.#begin({ kind: "read", path }, inode instanceof FileContent ? inode.size : 0, done);
  }

  open(path: string, done: Done<DiskFile>): void {
    this.#begin({ kind: "open", path }, 0, done);
  }

  rename(from: string, to: string, done: Done): void {
    this.#begin({ kind: "rename", from, path: to }, 0, done);
  }

  remove(path: string, done: Done): void {
    this.#begin({ kind: "remove", path }, 0, done);
  }

  syncDirectory(path: string, done: Done): void {
    this.#begin({ kind: "sync", path, pending: [...this.#names.pending] }, 0, done);
  }

  handle(_kind: number, subject: unknown): void {
    const operation = subject as Operation;
    if (operation.generation !== this.#generation) return;
    if (this.#held !== undefined && operation.work.kind !== "defer") {
      this.#held.push(operation);
      return;
    }
    const underWay = this.#underWay;
    underWay.splice(underWay.indexOf(operation), 1);
    this.#end(operation);
    this.#deliver(operation);
  }

  /** Every operation takes `factor` times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /** Calls back once, when the next write begins, with how long that will take. */
  onNextWrite(callback: (durationMs: number) => void): void {
    this.#onWrite = callback;
  }

  /** Nothing ends until {@link resume}. */
  stall(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const operation of held) this.#world.schedule(0, eventKind.disk, this, operation);
  }

  /** While it is full no file grows and none is made. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull;
  }

  /** The next `count` writes fail; what they leave behind is not known. */
  failWrites(count: number): void {
    this.#failingWrites = count;
  }

  get isLying(): boolean {
    return this.#isLying;
  }

  /** While it lies, writes are acknowledged that a crash takes back. */
  setLying(isLying: boolean): void {
    this.#isLying = isLying;
    if (!isLying) for (const [, file] of this.#names.files()) file.settle();
  }

  /** The process is gone and the machine is not: what was asked for happens, or does not, in full. */
  abandon(): void {
    this.#generation++;
    for (const operation of this.#underWay) if (this.#random.chance(0.5)) this.#end(operation);
    this.#underWay = [];
    if (this.#held !== undefined) this.#held = [];
  }

  /** Power is lost. Returns how many acknowledged writes of a lying disk are gone. */
  crash(): number {
    this.#generation++;
    for (const operation of this.#underWay) this.#interrupt(operation.work);
    this.#underWay = [];
    if (this.#held !== undefined) this.#held = [];
    let lost = 0;
    for (const [, file] of this.#names.files()) lost += file.crash(this.#random);
    this.#names.crash(this.#random);
    return lost;
  }

  /** Another disk, empty and sound. */
  replace(): void {
    this.crash();
    this.#names.clear();
    this.#names.found(homeDirectory);
    this.heal();
  }

  /** Ends all faults but damage that is done. */
  heal(): void {
    this.#onWrite = undefined;
    this.#slowness = 1;
    this.#isFull = false;
    this.#failingWrites = 0;
    this.setLying(false);
    this.resume();
  }

  /** Flips one bit of what is stored, at about `place` (0 to 1) of it; false when there is nothing. */
  rot(place: number): boolean {
    const files = this.#names.files().filter(([, file]) => file.size > 0);
    const total = files.reduce((sum, [, file]) => sum + file.size, 0);
    let at = Math.floor(place * total);
    for (const [, file] of files) {
      if (at < file.size) return rotFile(file, at, this.#random.below(8));
      at -= file.size;
    }
    return false;
  }

  #begin(work: Work, bytes: number, done: Done<never>): void {
    const operation = new Operation(work, this.#generation, done);
    this.#underWay.push(operation);
    const { latencyMinMs, latencyMaxMs, bytesPerMs } = this.#speed;
    const draw = this.#random.fraction();
    const latencyMs = latencyMinMs + (latencyMaxMs - latencyMinMs) * draw * draw;
    const delayMs = (latencyMs + bytes / bytesPerMs) * this.#slowness;
    this.#world.schedule(delayMs, eventKind.disk, this, operation);
    if (this.#onWrite === undefined || work.kind !== "write") return;
    const onWrite = this.#onWrite;
    this.#onWrite = undefined;
    onWrite(delayMs);
  }

  #end(operation: Operation): void {
    const { work } = operation;
    switch (work.kind) {
      case "write":
        operation.error = this.#write(work.file, work.bytes, work.offset);
        break;
      case "truncate":
        work.file.truncate(work.size);
        break;
      case "read":
        this.#read(work.path, operation);
        break;
      case "open":
        this.#open(work.path, operation);
        break;
      case "list":
        operation.value = this.#names.list(work.path);
        break;
      case "sync":
        this.#names.sync(work.path, work.pending);
        break;
      case "makeDirectory":
      case "rename":
      case "remove":
        operation.error = this.#changeNames(work);
        break;
      case "close":
      case "defer":
        break;
    }
  }

  #write(file: FileContent, bytes: Uint8Array, offset: number): DiskFault | undefined {
    const { hash } = this.#world;
    hash.mix(offset);
    hash.mix(bytes.length);
    if (this.#failingWrites > 0) {
      this.#failingWrites--;
      file.tear(bytes, offset, this.#random);
      return this.#refuse("EIO", "the write failed");
    }
    if (this.#isFull && offset + bytes.length > file.size) {
      return this.#refuse("ENOSPC", "no space left on the device");
    }
    if (this.#isLying) file.writeVolatile(bytes, offset);
    else file.write(bytes, offset);
    return undefined;
  }

  #refuse(code: DiskFault["code"], message: string): DiskFault {
    this.faults++;
    return new DiskFault(code, message);
  }

  #read(path: string, operation: Operation): void {
    const inode = this.#names.get(path);
    if (inode instanceof FileContent) operation.value = inode.read();
    else operation.error = new DiskFault("ENOENT", `there is no file "${path}"`);
  }

  #open(path: string, operation: Operation): void {
    let inode = this.#names.get(path);
    if (inode === undefined) {
      if (this.#isFull) {
        operation.error = this.#refuse("ENOSPC", "no space left on the device");
        return;
      }
      inode = new FileContent();
      this.#names.link(path, inode);
    }
    if (inode instanceof FileContent) operation.value = this.#fileOf(inode);
    else operation.error = new DiskFault("EIO", `"${path}" is a directory`);
  }

  /** Also what was under way when the power went; then the result is of no use. */
  #changeNames(work: Extract<Work, { path: string }>): DiskFault | undefined {
    if (work.kind === "makeDirectory") {
      const parent = parentOf(work.path);
      if (parent !== "" && this.#names.get(parent) === undefined) {
        this.#changeNames({ kind: "makeDirectory", path: parent });
      }
      if (this.#names.get(work.path) === undefined) this.#names.link(work.path, "directory");
    } else if (work.kind === "remove") this.#names.unlink(work.path);
    else if (work.kind === "rename" && !this.#names.rename(work.from, work.path)) {
      return new DiskFault("ENOENT", `there is no file "${work.from}"`);
    }
    return undefined;
  }

  /** An operation that a crash has cut short may have had an effect. */
  #interrupt(work: Work): void {
    if (work.kind === "write") work.file.tear(work.bytes, work.offset, this.#random);
    else if (this.#random.chance(0.5)) {
      if (work.kind === "truncate") work.file.truncate(work.size);
      else if (work.kind === "sync") this.#names.sync(work.path, work.pending);
      else if ("path" in work) this.#changeNames(work);
    }
  }

  #fileOf(file: FileContent): DiskFile {
    return {
      write: (bytes, offset, done) =>
        this.#begin({ kind: "write", file, bytes, offset }, bytes.length, done),
      truncate: (size, done) => this.#begin({ kind: "truncate", file, size }, 0, done),
      close: (done) => this.#begin({ kind: "close" }, 0, done),
    };
  }
}

/** What was never written does not matter: takes the next byte that is not zero. */
function rotFile(file: FileContent, from: number, bit: number): boolean {
  let at = from;
  while (at > 0 && file.byteAt(at) === 0) at--;
  file.flip(at, bit);
  return true;
}
