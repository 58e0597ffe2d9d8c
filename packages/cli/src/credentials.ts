/** How a command shows its members who it is, and knows them: etcdctl's flags, files and variables. */
import { readFileSync } from "node:fs";
import type { Credentials, TlsOptions } from "@flotilla/client";
import { type Command, Option } from "commander";
import { CommandError } from "./exit.ts";

/** As given; all of it may be missing. */
export interface CredentialOptions {
  /** File with the authorities that sign members' certificates. */
  readonly cacert?: string | undefined;
  /** This client's certificate and its key: files. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Takes any certificate. */
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /** `name:password`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

const skipVerify = "ETCDCTL_INSECURE_SKIP_TLS_VERIFY";

/** Adds the flags to a command that talks to members. */
export function addCredentialFlags(command: Command): Command {
  const flag = (flags: string, text: string, variable: string): Option =>
    new Option(flags, text).env(`ETCDCTL_${variable}`);
  return command
    .addOption(flag("--cacert <file>", "authority that signs the members' certificates", "CACERT"))
    .addOption(flag("--cert <file>", "this client's certificate", "CERT"))
    .addOption(flag("--key <file>", "its key", "KEY"))
    .addOption(
      // Not by `env()`, which takes any text for a yes.
      new Option(
        "--insecure-skip-tls-verify",
        `take any certificate, for tests alone (env: ${skipVerify})`,
      ).default(isTrue(process.env[skipVerify])),
    )
    .addOption(flag("--user <name[:password]>", "user to authenticate as", "USER"))
    .addOption(flag("--password <password>", "that user's password", "PASSWORD"));
}

/** As Go reads it. */
function isTrue(text = ""): boolean {
  return ["1", "t", "T", "true", "True", "TRUE"].includes(text);
}

/** True when any flag asks for TLS. */
export function asksForTls(options: CredentialOptions): boolean {
  const { cacert, cert, key, insecureSkipTlsVerify = false } = options;
  return insecureSkipTlsVerify || [cacert, cert, key].some((file) => file !== undefined);
}

/** Reads the files. Ends the command, naming the one that cannot be read. */
export function clientTlsOf(options: CredentialOptions): TlsOptions {
  const { cacert, cert, key, insecureSkipTlsVerify = false } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandError("wrongArguments", "--cert and --key are given together");
  }
  return {
    ...(cacert === undefined ? {} : { ca: read(cacert) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
    ...(insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
  };
}

/** Undefined when nobody is named. */
export function userOf({ user, password }: CredentialOptions): Credentials | undefined {
  if (user === undefined) return undefined;
  if (password !== undefined) return { username: user, password };
  const at = user.indexOf(":");
  if (at >= 0) return { username: user.slice(0, at), password: user.slice(at + 1) };
  throw new CommandError(
    "wrongArguments",
    `No password for user ${user}`,
    "Give it as --user name:password, with --password, or in ETCDCTL_PASSWORD.",
  );
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError("localIo", `Cannot read ${path}: ${code}`, undefined, error);
  }
}
