/** TLS of the client port and between members, as the flags say. Source: etcd server/embed/config.go. */
import { join } from "node:path";
import type { Logger } from "@flotilla/base";
import {
  ciphersOf,
  PkiError,
  selfSignedPair,
  TlsMaterial,
  type TlsOptions,
  type TlsVersion,
} from "@flotilla/pki";
import { makeDirectories } from "../make-directories.ts";
import type { FlagValues } from "./flag-values.ts";
import { bindingOf } from "./urls.ts";

export interface Tls {
  /** Undefined where no client URL says https. */
  readonly clients: TlsMaterial | undefined;
  readonly peers: TlsMaterial | undefined;
}

/** Reads every file once. Throws `PkiError`. */
export async function tlsOf(values: FlagValues, dataDir: string, logger: Logger): Promise<Tls> {
  return {
    clients: await clientTls(values, dataDir, logger),
    peers: await peerTls(values, dataDir, logger),
  };
}

async function clientTls(
  values: FlagValues,
  dataDir: string,
  logger: Logger,
): Promise<TlsMaterial | undefined> {
  const urls = ["listen-client-urls", "listen-client-http-urls", "listen-metrics-urls"].flatMap(
    (flag) => values.list(flag),
  );
  const side = { values, dataDir, urls, endpoint: "client", logger } as const;
  const pair = await pairOf(side, values.bool("auto-tls"), ["cert-file", "key-file"]);
  const options: TlsOptions = {
    ...pair,
    ...trustOf(values, "trusted-ca-file", "client-crl-file"),
    clientCertAuth: values.bool("client-cert-auth"),
    allowedHostnames: values.list("client-cert-allowed-hostname"),
    ...protocolOf(values),
  };
  return materialFor(urls, options, logger, "client");
}

async function peerTls(
  values: FlagValues,
  dataDir: string,
  logger: Logger,
): Promise<TlsMaterial | undefined> {
  const urls = values.list("listen-peer-urls");
  const side = { values, dataDir, urls, endpoint: "peer", logger } as const;
  const isAuto = values.bool("peer-auto-tls");
  const pair = await pairOf(side, isAuto, ["peer-cert-file", "peer-key-file"]);
  const clientCertFile = values.textIfAny("peer-client-cert-file");
  const clientKeyFile = values.textIfAny("peer-client-key-file");
  const options: TlsOptions = {
    ...pair,
    ...(clientCertFile === undefined ? {} : { clientCertFile }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile }),
    ...trustOf(values, "peer-trusted-ca-file", "peer-crl-file"),
    clientCertAuth: values.bool("peer-client-cert-auth"),
    allowedNames: values.list("peer-cert-allowed-cn"),
    allowedHostnames: values.list("peer-cert-allowed-hostname"),
    checksClientAddress: !values.bool("peer-skip-client-san-verification"),
    isSelfSigned: isAuto && values.text("peer-cert-file") === "",
    ...protocolOf(values),
  };
  if (options.allowedNames?.length !== 0 && options.allowedHostnames?.length !== 0) {
    throw new PkiError(
      "badOptions",
      "AllowedCNs and AllowedHostnames are mutually exclusive: --peer-cert-allowed-cn, --peer-cert-allowed-hostname",
    );
  }
  return materialFor(urls, options, logger, "peer");
}

type Pair = Pick<TlsOptions, "certFile" | "keyFile">;

/** The pair of the flags, or one of its own making. */
async function pairOf(
  side: {
    readonly values: FlagValues;
    readonly dataDir: string;
    readonly urls: readonly string[];
    readonly endpoint: "client" | "peer";
    readonly logger: Logger;
  },
  isAuto: boolean,
  [certFlag, keyFlag]: readonly [string, string],
): Promise<Pair> {
  const { values, dataDir, urls, endpoint, logger } = side;
  const [certFile, keyFile] = [values.textIfAny(certFlag), values.textIfAny(keyFlag)];
  if (!isAuto || certFile !== undefined || keyFile !== undefined) {
    return {
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    };
  }
  const directory = join(dataDir, "fixtures", endpoint);
  makeDirectories(directory, 0o700);
  const pair = await selfSignedPair({
    directory,
    hosts: urls.map((url) => bindingOf(url).host),
    validityYears: values.number("self-signed-cert-validity"),
  });
  // Nobody's authority vouches for it: who is to trust it needs the file.
  logger.warn("using a self-signed certificate", { endpoint, path: pair.certFile });
  return pair;
}

function trustOf(
  values: FlagValues,
  caFlag: string,
  crlFlag: string,
): Pick<TlsOptions, "trustedCaFile" | "crlFile"> {
  const [trustedCaFile, crlFile] = [values.textIfAny(caFlag), values.textIfAny(crlFlag)];
  return {
    ...(trustedCaFile === undefined ? {} : { trustedCaFile }),
    ...(crlFile === undefined ? {} : { crlFile }),
  };
}

const versions: Readonly<Record<string, TlsVersion>> = { "TLS1.2": "TLSv1.2", "TLS1.3": "TLSv1.3" };

function protocolOf(values: FlagValues): Pick<TlsOptions, "ciphers" | "minVersion" | "maxVersion"> {
  const [minVersion, maxVersion] = [
    versionOf(values, "tls-min-version"),
    versionOf(values, "tls-max-version"),
  ];
  const names = values.list("cipher-suites");
  if (minVersion === "TLSv1.3" && names.length > 0) {
    throw new PkiError(
      "badOptions",
      "cipher suites cannot be configured when only TLS1.3 is enabled",
    );
  }
  const ciphers = ciphersOf(names);
  return {
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

function versionOf(values: FlagValues, flag: string): TlsVersion | undefined {
  const text = values.textIfAny(flag);
  if (text === undefined) return undefined;
  const version = versions[text];
  if (version !== undefined) return version;
  throw new PkiError(
    "badOptions",
    `unexpected TLS version ${JSON.stringify(text)} (must be one of: TLS1.2, TLS1.3)`,
  );
}

/** What URLs of `urls` with https are served with; says so where files are not used. */
function materialFor(
  urls: readonly string[],
  options: TlsOptions,
  logger: Logger,
  endpoint: "client" | "peer",
): TlsMaterial | undefined {
  const bindings = urls.map(bindingOf);
  const secure = bindings.find(({ isSecure }) => isSecure);
  const hasFiles = options.certFile !== undefined || options.keyFile !== undefined;
  const plain = bindings.find(({ isSecure }) => !isSecure);
  if (hasFiles && plain !== undefined) {
    const message = `scheme is http or unix while ${endpoint} key and cert files are present; ignoring key and cert files`;
    logger.warn(message, { url: plain.url });
  }
  const material = new TlsMaterial(options, logger);
  if (secure !== undefined && !hasFiles) {
    throw new PkiError(
      "badOptions",
      `cannot listen on TLS for ${secure.path ?? `${secure.host}:${secure.port}`}: KeyFile and CertFile are not presented`,
    );
  }
  if (secure !== undefined) material.check("server");
  // Members may also be reached at https where this one listens without.
  return secure !== undefined ||
    (endpoint === "peer" && (hasFiles || options.trustedCaFile !== undefined))
    ? material
    : undefined;
}
