/** How a command shows its servers who it is, and knows them: etcdctl's flags, files and variables. */
import { readFileSync } from "node:fs";
import { Option } from "commander";
import { CommandError } from "./exit.ts";

/** As given; all of it may be missing. */
export interface CredentialOptions {
  /** File with the authorities that sign servers' certificates. */
  readonly cacert?: string | undefined;
  /** This client's certificate and its key: files. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** `name:password`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** What the files hold. */
export interface TlsFiles {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** The flags. */
export function credentialFlags(): Option[] {
  const flag = (flags: string, text: string, variable: string): Option =>
    new Option(flags, text).env(`ETCDCTL_${variable}`);
  return [
    flag("--cacert <file>", "authority that signs the servers' certificates", "CACERT"),
    flag("--cert <file>", "this client's certificate", "CERT"),
    flag("--key <file>", "its key", "KEY"),
    flag("--user <name[:password]>", "user to authenticate as", "USER"),
    flag("--password <password>", "that user's password", "PASSWORD"),
  ];
}

/** True when any flag asks for TLS. */
export function asksForTls({ cacert, cert, key }: CredentialOptions): boolean {
  return cacert !== undefined || cert !== undefined || key !== undefined;
}

/** Reads the files. Ends the command, naming the one that cannot be read. */
export function readTlsFiles({ cacert, cert, key }: CredentialOptions): TlsFiles {
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandError("wrongArguments", "--cert and --key are given together");
  }
  return { ca: read(cacert), cert: read(cert), key: read(key) };
}

/** Undefined when nobody is named. */
export function userOf({
  user,
  password,
}: CredentialOptions): { readonly name: string; readonly password: string } | undefined {
  if (user === undefined) return undefined;
  if (password !== undefined) return { name: user, password };
  const at = user.indexOf(":");
  if (at >= 0) return { name: user.slice(0, at), password: user.slice(at + 1) };
  throw new CommandError(
    "wrongArguments",
    `No password for user ${user}`,
    "Give it as --user name:password, with --password, or in ETCDCTL_PASSWORD.",
  );
}

function read(path: string | undefined): Buffer | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError("localIo", `Cannot read ${path}: ${code}`, undefined, error);
  }
}
