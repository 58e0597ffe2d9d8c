export { ciphersOf } from "./cipher-suites.ts";
export { PkiError, type PkiErrorCode } from "./errors.ts";
export type { TlsOptions, TlsVersion } from "./options.ts";
export { type SelfSignedOptions, selfSignedPair } from "./self-signed.ts";
export { connectTls, type TlsAddress } from "./tls-dial.ts";
export { type Side, TlsMaterial } from "./tls-material.ts";
export { createTlsServer, type TlsServerDeps } from "./tls-server.ts";
export { certificateOf, commonNameOf } from "./verify.ts";
