/** How a TLS connection to a member is made: PEM texts, as node:tls takes them. */
export interface TlsOptions {
  /** Who signs members' certificates. The system's roots when left out. */
  readonly ca?: string | Uint8Array;
  /** Own certificate and key, for members that ask for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name that a member's certificate has to hold, when it is not that of its URL. */
  readonly servername?: string;
  /** False takes any certificate: for tests alone. Default true. */
  readonly rejectUnauthorized?: boolean;
}
