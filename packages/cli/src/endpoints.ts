/** Which members a command asks: those it is told, or those of the local cluster. */
import { resolve } from "node:path";
import { findClusterFile } from "./cluster/cluster-file.ts";
import { asksForTls, type CredentialOptions } from "./credentials.ts";
import { EtcdCaller } from "./etcd-caller.ts";
import { CommandError } from "./exit.ts";

/** A member that does not say how it is within this time is passed over. */
export const answerMs = 1500;

export interface EndpointOptions extends CredentialOptions {
  readonly dataDir: string;
  /** By commas; the members of the local cluster when left out. */
  readonly endpoints: string | undefined;
}

/** Asks one endpoint after the other until one answers; `call` must change nothing. */
export async function atAnyEndpoint<T>(
  options: EndpointOptions,
  call: (caller: EtcdCaller) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const url of endpointsOf(options)) {
    try {
      return await atEndpoint(url, call, options);
    } catch (error) {
      failure = error;
      if (!(error instanceof CommandError) || error.code !== "cannotConnect") throw error;
    }
  }
  throw failure;
}

/** Asks one endpoint. */
export async function atEndpoint<T>(
  url: string,
  call: (caller: EtcdCaller) => Promise<T>,
  credentials: CredentialOptions = {},
): Promise<T> {
  const caller = await EtcdCaller.open(url, credentials);
  try {
    return await call(caller);
  } finally {
    caller.close();
  }
}

/** URLs, at least one; ends the command when none is known. */
export function endpointsOf(options: EndpointOptions): readonly string[] {
  const { dataDir, endpoints } = options;
  const scheme = asksForTls(options) ? "https" : "http";
  const given = endpoints
    ?.split(",")
    .map((url) => (url.includes("://") ? url : `${scheme}://${url}`));
  const found =
    given ?? findClusterFile(resolve(dataDir))?.members.map(({ clientUrl }) => clientUrl) ?? [];
  if (found.length > 0) return found;
  throw new CommandError(
    "wrongArguments",
    `No endpoint: there is no cluster in ${resolve(dataDir)}`,
    "Name the members with --endpoints 127.0.0.1:2379,... or start a cluster with `flotilla up`.",
  );
}
