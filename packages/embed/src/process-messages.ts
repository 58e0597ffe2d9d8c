/** What a test cluster and the process of one of its members say to each other. */
import type { EtcdApiOptions } from "@flotilla/etcd-api";
import type { InitialMember } from "@flotilla/member";

/** The first message to the process: what to start. */
export interface StartMessage {
  readonly name: string;
  readonly dataDir: string;
  /** What all members keep: removed when whoever started them is gone. */
  readonly clusterDir: string;
  readonly initialCluster: readonly InitialMember[];
  readonly clientPort: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly api: Partial<EtcdApiOptions>;
}

/** The answer. A process that cannot start ends instead, and says why on its standard error. */
export interface StartedMessage {
  readonly clientUrl: string;
  readonly peerPort: number;
}

/** The second message, if one comes at all. */
export const stopMessage = "stop";
