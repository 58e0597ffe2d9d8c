/** Who sends a request: the subject of a client certificate, or the owner of a bearer token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { User } from "./message.ts";

export interface TokenUser extends User {
  readonly token: string;
}

/** The parts of a certificate's subject that say who it is; Node gives several values as a list. */
export interface Subject {
  readonly CN?: string | readonly string[];
  readonly O?: string | readonly string[];
}

/** Common name = user, organisations = groups, as Kubernetes reads a certificate; undefined without a name. */
export function userOfSubject(subject: Subject | undefined): User | undefined {
  const name = valuesOf(subject?.CN)[0];
  return name === undefined || name === "" ? undefined : { name, groups: valuesOf(subject?.O) };
}

/** The owner of the token in an Authorization header. Takes the same time for any wrong token. */
export function userOfToken(
  authorization: string | undefined,
  users: readonly TokenUser[],
): User | undefined {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) return undefined;
  const digest = digestOf(token);
  let found: User | undefined;
  for (const user of users) if (timingSafeEqual(digest, digestOf(user.token))) found = user;
  return found === undefined ? undefined : { name: found.name, groups: found.groups };
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function valuesOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
