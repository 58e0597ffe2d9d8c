/**
 * Certificates, keys and authorities as they lie in files at this moment.
 *
 * Each handshake asks anew. While a file is being replaced it may not fit the others: the last material
 * that did is used then, and the log says so once.
 */
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "@flotilla/base";
import { PkiError } from "./errors.ts";
import { FileCache } from "./file-cache.ts";
import type { TlsOptions } from "./options.ts";
import { RevocationList } from "./revocation-list.ts";

/** Whom the material is for: it decides which certificate is shown. */
export type Side = "server" | "client";

interface Made {
  /** What it was made of, by identity of the buffers. */
  readonly parts: readonly (Buffer | undefined)[];
  readonly context: SecureContext;
  /** For a server that already runs. */
  readonly options: SecureContextOptions;
}

export class TlsMaterial {
  readonly options: TlsOptions;
  readonly #logger: Logger;
  readonly #files = new FileCache();
  readonly #made = new Map<Side, Made>();
  readonly #revoked: RevocationList | undefined;
  #lastComplaint = "";

  /** Reads nothing yet; see {@link check}. Throws `PkiError` `badOptions`. */
  constructor(options: TlsOptions, logger: Logger) {
    checkPairs(options);
    this.options = options;
    this.#logger = logger;
    const { crlFile } = options;
    if (crlFile !== undefined) this.#revoked = new RevocationList(crlFile, this.#files);
  }

  /** Reads everything once, so that what is missing is said at the start. Throws `PkiError`. */
  check(side: Side): void {
    this.#make(side);
    this.#revoked?.refresh();
  }

  /** Whether clients must show a certificate. */
  get asksClients(): boolean {
    return this.options.clientCertAuth === true || this.options.trustedCaFile !== undefined;
  }

  /** The material of now; the same object while no file changes. Throws `PkiError` at the first time only. */
  current(side: Side): { readonly context: SecureContext; readonly options: SecureContextOptions } {
    try {
      return this.#make(side);
    } catch (error) {
      const made = this.#made.get(side);
      if (made === undefined || !(error instanceof PkiError)) throw error;
      if (this.#lastComplaint !== error.message) {
        this.#lastComplaint = error.message;
        this.#logger.warn("TLS files cannot be used, going on with those of before", {
          error: error.message,
        });
      }
      return made;
    }
  }

  /** Whether the list of revoked certificates names it. Throws `PkiError`: then nobody can be trusted. */
  isRevoked(serialNumber: string): boolean {
    return this.#revoked?.has(serialNumber) ?? false;
  }

  #make(side: Side): Made {
    const { trustedCaFile, ciphers, minVersion, maxVersion } = this.options;
    const [certFile, keyFile] = this.#pair(side);
    const read = (path: string | undefined) =>
      path === undefined ? undefined : this.#files.read(path);
    const parts = [read(certFile), read(keyFile), read(trustedCaFile)] as const;
    const known = this.#made.get(side);
    if (known?.parts.every((part, at) => part === parts[at]) === true) return known;
    const [cert, key, ca] = parts;
    const options: SecureContextOptions = {
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(ca === undefined ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
      minVersion: minVersion ?? "TLSv1.2",
      ...(maxVersion === undefined ? {} : { maxVersion }),
    };
    const made = {
      parts,
      options,
      context: contextOf(options, [certFile, keyFile, trustedCaFile]),
    };
    this.#made.set(side, made);
    this.#lastComplaint = "";
    return made;
  }

  #pair(side: Side): readonly [string | undefined, string | undefined] {
    const { certFile, keyFile, clientCertFile, clientKeyFile } = this.options;
    if (side === "client" && clientCertFile !== undefined) return [clientCertFile, clientKeyFile];
    return [certFile, keyFile];
  }
}

function contextOf(
  options: SecureContextOptions,
  files: readonly (string | undefined)[],
): SecureContext {
  try {
    checkAuthorities(options.ca);
    return createSecureContext(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const names = files.filter((name) => name !== undefined).join(", ");
    throw new PkiError("badMaterial", `Cannot use TLS files ${names}: ${reason}`, error);
  }
}

/** OpenSSL takes what it can read of authorities, and nothing as well: of a file that is being written. */
function checkAuthorities(ca: SecureContextOptions["ca"]): void {
  if (ca === undefined) return;
  const count = (mark: string): number => String(ca).split(`-----${mark} `).length - 1;
  if (count("BEGIN") === 0) throw new Error("there is no authority");
  if (count("BEGIN") !== count("END")) throw new Error("the last authority is cut short");
}

function checkPairs(options: TlsOptions): void {
  const { certFile, keyFile, clientCertFile, clientKeyFile, minVersion, maxVersion } = options;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new PkiError("badOptions", "KeyFile and CertFile must both be present");
  }
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined)) {
    throw new PkiError(
      "badOptions",
      "ClientKeyFile and ClientCertFile must both be present or both absent",
    );
  }
  if (minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    throw new PkiError("badOptions", "min version (TLS1.3) is greater than max version (TLS1.2)");
  }
}
