/** What TLS of one port, or towards one kind of server, is made of: etcd's flags, by name of files. */

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Where an option is left out, so is what it asks for. */
export interface TlsOptions {
  /** What a server shows. Both or none. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** What is shown when dialing. Both or none; default: the server's. */
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  /** Authorities that the other side's certificate has to come from. Default: the system's. */
  readonly trustedCaFile?: string;
  /** Clients must show a certificate. As at etcd, `trustedCaFile` asks for that too. */
  readonly clientCertAuth?: boolean;
  /** Serial numbers that are refused; PEM or DER. */
  readonly crlFile?: string;
  /** The other side's certificate must have one of these common names. Default: any. */
  readonly allowedNames?: readonly string[];
  /** It must be one for any of these host names. Default: any. */
  readonly allowedHostnames?: readonly string[];
  /**
   * A client's certificate that names addresses or hosts must name where it comes from; between members
   * only. Default false.
   */
  readonly checksClientAddress?: boolean;
  /** The server's certificate signs itself: whoever dials asks no authority. Default false. */
  readonly isSelfSigned?: boolean;
  /** OpenSSL's names, separated by colons. */
  readonly ciphers?: string;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
}
