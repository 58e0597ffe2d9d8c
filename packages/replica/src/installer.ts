/** Puts a state that was received into the store's place, once nothing else is being written. Pure. */
import { failpoint, type Logger } from "@flotilla/base";
import type { LogIndex, SnapshotMeta } from "@flotilla/consensus";
import type { StateStorage } from "./contract.ts";

/** Called with an error, or with undefined. */
export type InstallDone = (error: unknown) => void;

export interface InstallerPorts {
  readonly state: StateStorage;
  readonly logger: Logger;
  /** Waits for the one who writes snapshots, and has the log begin behind this one. */
  readonly compactor: {
    idle(callback: () => void): void;
    installed(index: LogIndex, done: InstallDone): void;
  };
  onBegan(): void;
  onEnded(): void;
  /** The store is another one. */
  onReplaced(): void;
  /** All of it is done. */
  onInstalled(index: LogIndex): void;
}

export class Installer {
  readonly #ports: InstallerPorts;

  constructor(ports: InstallerPorts) {
    this.#ports = ports;
  }

  /** A snapshot of the log: what it stands for is dropped from the log. */
  install(snapshot: SnapshotMeta, done: InstallDone): void {
    const { state, logger, compactor, onBegan, onEnded, onReplaced, onInstalled } = this.#ports;
    const { index } = snapshot;
    compactor.idle(() => {
      failpoint("applyBeforeOpenSnapshot");
      onBegan();
      state.install(snapshot, (error) => {
        onEnded();
        failpoint("applyAfterOpenSnapshot");
        if (error !== undefined) {
          done(error);
          return;
        }
        logger.info("snapshot installed", { index });
        onReplaced();
        compactor.installed(index, (error) => {
          done(error);
          if (error === undefined) onInstalled(index);
        });
      });
    });
  }

  /** The leader's state instead of one that is wrong: the log keeps what it has, and begins where it did. */
  replace(snapshot: SnapshotMeta, done: InstallDone): void {
    const { state, compactor, onReplaced, onInstalled } = this.#ports;
    const installed = (error: unknown): void => {
      if (error === undefined) onReplaced();
      done(error);
      if (error === undefined) onInstalled(snapshot.index);
    };
    compactor.idle(() => state.install(snapshot, installed, { isWrong: true }));
  }
}
