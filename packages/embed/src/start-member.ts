/** One member inside a program: a store for an application, or for a test. */
import { join } from "node:path";
import type { Logger, MetricRegistry } from "@flotilla/base";
import { createEtcdClient, type EtcdClient } from "@flotilla/client";
import type { EtcdApiOptions } from "@flotilla/etcd-api";
import type { InitialMember, RunningMember } from "@flotilla/member";
import { EmbedError } from "./errors.ts";
import {
  electionMsDefault,
  heartbeatMsDefault,
  soloElectionMs,
  soloHeartbeatMs,
  startMs,
} from "./limits.ts";
import { startServing } from "./serving-member.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface StartMemberOptions {
  /** Holds everything the member keeps. Default: a temporary one, removed by `stop`. */
  readonly dataDir?: string;
  /** Default `default`, as etcd's. */
  readonly name?: string;
  /** Where clients are listened to. Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly clientPort?: number;
  /** Where peers reach this member and are listened to. Default: it has none, and can have none. */
  readonly peerUrl?: string;
  /** All founders, this one included. Default: this one alone. */
  readonly initialCluster?: readonly InitialMember[];
  /** Default 50, or 20 for a member that is alone. */
  readonly heartbeatMs?: number;
  /** Default 500, or 100 for a member that is alone. */
  readonly electionMs?: number;
  /** Of etcd's API: quota, compaction and the like. */
  readonly api?: Partial<EtcdApiOptions>;
  /** Where member and API count, shown at `/metrics`. Default: one of its own. */
  readonly metrics?: MetricRegistry;
  readonly logger?: Logger;
}

/** A member of this process that serves. */
export interface EmbeddedMember {
  /** Over TCP, as any other program has it; closed by `stop`. */
  readonly client: EtcdClient;
  /** For other programs: `etcdctl --endpoints`. */
  readonly clientUrl: string;
  /** The member itself, for whoever needs more than a client does. */
  readonly member: RunningMember;
  /** Settles when it has stopped: with undefined after `stop`, with the reason when it could not go on. */
  readonly stopped: Promise<Error | undefined>;
  stop(): Promise<void>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What stands in the data for a member that nobody dials. */
const noPeerUrl = "http://127.0.0.1:2380";

/**
 * Starts a member; resolves once it answers, which takes a quorum of `initialCluster`.
 *
 * Rejects with {@link EmbedError}, whose cause is what the member itself rejected with; leaves nothing
 * open, and nothing on disk but in a `dataDir` that was given.
 */
export async function startMember(options: StartMemberOptions = {}): Promise<EmbeddedMember> {
  const { name = "default", host = "127.0.0.1", clientPort = 0, peerUrl } = options;
  const { initialCluster = [{ name, peerUrl: peerUrl ?? noPeerUrl }] } = options;
  const isAlone = initialCluster.length === 1;
  const directory = await directoryFor(options.dataDir);
  let client: EtcdClient | undefined;
  let stopServing = async (): Promise<void> => {};
  const stop = async (): Promise<void> => {
    client?.close();
    await stopServing().finally(() => directory.remove());
  };
  try {
    const serving = await startServing({
      name,
      host,
      clientPort,
      initialCluster,
      dataDir: directory.path,
      listenPeerUrl: peerUrl ?? "http://127.0.0.1:0",
      heartbeatMs: options.heartbeatMs ?? (isAlone ? soloHeartbeatMs : heartbeatMsDefault),
      electionMs: options.electionMs ?? (isAlone ? soloElectionMs : electionMsDefault),
      ...(options.api === undefined ? {} : { api: options.api }),
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      ...(options.logger === undefined ? {} : { logger: options.logger }),
    });
    stopServing = serving.stop;
    client = createEtcdClient({ endpoints: [serving.clientUrl] });
    await untilServed(client);
    let stopping: Promise<void> | undefined;
    const stopOnce = (): Promise<void> => {
      stopping ??= stop();
      return stopping;
    };
    return {
      client,
      clientUrl: serving.clientUrl,
      member: serving.member,
      stopped: serving.member.stopped,
      stop: stopOnce,
      [Symbol.asyncDispose]: stopOnce,
    };
  } catch (error) {
    await stop();
    throw EmbedError.from(error);
  }
}

/** Waits for a read that a quorum has to confirm. */
export async function untilServed(client: EtcdClient): Promise<void> {
  try {
    await client.range("flotilla", { countOnly: true, timeoutMs: startMs });
  } catch (cause) {
    throw new EmbedError("noLeader", `There was no leader in ${startMs} ms`, { cause });
  }
}

async function directoryFor(
  path: string | undefined,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  if (path !== undefined) return { path, remove: async () => {} };
  const { path: own, remove } = await temporaryDirectory().catch((error: unknown) => {
    throw new EmbedError("badDirectory", `Cannot make a temporary directory: ${error}`, {
      cause: error,
    });
  });
  return { path: join(own, "data"), remove };
}
