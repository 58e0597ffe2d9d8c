/** A member and its client port, in this process: what both ways of embedding are made of. */
import { isIPv6 } from "node:net";
import { type Logger, MetricRegistry, silentLogger } from "@flotilla/base";
import { type EtcdApiOptions, serveEtcd } from "@flotilla/etcd-api";
import { type InitialMember, type RunningMember, startMember } from "@flotilla/member";
import { stopGraceMs } from "./limits.ts";

export interface ServingOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly initialCluster: readonly InitialMember[];
  readonly listenPeerUrl: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly clientPort: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly api?: Partial<EtcdApiOptions>;
  readonly metrics?: MetricRegistry;
  readonly logger?: Logger;
}

export interface ServingMember {
  readonly member: RunningMember;
  readonly clientUrl: string;
  /** Closes the client port, then stops the member. */
  stop(): Promise<void>;
}

/** Rejects with what the member or the port reject with, and leaves nothing open. */
export async function startServing(options: ServingOptions): Promise<ServingMember> {
  const { host, clientPort, api, logger = silentLogger, ...rest } = options;
  const { metrics = new MetricRegistry(), electionMs } = options;
  const urlAt = (port: number): string => `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  // What is known from the start is told from the start: a member that comes back stays in the list.
  const clientUrls = clientPort === 0 ? [] : [urlAt(clientPort)];
  const member = await startMember({ ...rest, clientUrls, logger, metrics });
  try {
    const settings = { electionMs, ...api, host, port: clientPort };
    const server = await serveEtcd({ member, logger, metrics }, settings);
    const clientUrl = urlAt(server.port);
    member.advertise({ clientUrls: [clientUrl], apiUrl: "" });
    return {
      member,
      clientUrl,
      async stop() {
        await server.close({ graceMs: stopGraceMs });
        await member.stop();
      },
    };
  } catch (error) {
    await member.stop();
    throw error;
  }
}
