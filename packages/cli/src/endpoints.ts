/** Which members a command asks: those it is told, or those of the local cluster. */
import { resolve } from "node:path";
import { isEtcdError } from "@flotilla/client";
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
  const failures: CommandError[] = [];
  for (const url of endpointsOf(options)) {
    try {
      return await atEndpoint(url, call, options);
    } catch (error) {
      failures.push(silence(error));
    }
  }
  throw noAnswer(failures, options);
}

/** Asks one endpoint. */
export async function atEndpoint<T>(
  url: string,
  call: (caller: EtcdCaller) => Promise<T>,
  credentials: CredentialOptions,
): Promise<T> {
  const caller = new EtcdCaller(url, credentials);
  try {
    return await call(caller);
  } finally {
    caller.close();
  }
}

/** Why another endpoint may do what this one did not; throws any other error. */
export function silence(error: unknown): CommandError {
  if (error instanceof CommandError && isEtcdError(error.cause, "unavailable")) return error;
  throw error;
}

/** What ends a command whose every endpoint failed so, at least one. */
export function noAnswer(
  failures: readonly CommandError[],
  options: EndpointOptions,
): CommandError {
  const [first] = failures;
  const message =
    failures.length === 1 && first !== undefined
      ? first.message
      : [
          "None of these members could do it:",
          ...failures.map((failure) => `  ${failure.message}`),
        ].join("\n");
  const hint =
    failures.find((failure) => failure.hint !== undefined)?.hint ??
    (options.endpoints === undefined
      ? "`flotilla status` shows which members run and whether there is a leader."
      : "Is --endpoints right, and does a member run there? It says its client URLs when it is ready.");
  const isRefused = failures.every(({ code }) => code === "refused");
  return new CommandError(isRefused ? "refused" : "cannotConnect", message, hint, first);
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
