import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Logger, silentLogger } from "@flotilla/base";
import { readFlags } from "../../src/member/read-flags.ts";
import { tlsOf } from "../../src/member/tls.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-tls-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What was logged as a warning. */
const warned: string[] = [];
const logger: Logger = {
  ...silentLogger,
  warn: (message, fields) => warned.push(`${message} ${JSON.stringify(fields)}`),
};

function tls(...args: string[]) {
  const outcome = readFlags(args, {});
  if (outcome.kind !== "read") throw new Error(JSON.stringify(outcome));
  return tlsOf(outcome.values, folder, logger);
}

describe("TLS by flags", () => {
  const secure = "--listen-client-urls=https://127.0.0.1:0";

  it("is off where no URL says https", async () => {
    const { clients, peers } = await tls();
    equal(clients, undefined);
    equal(peers, undefined);
  });

  it("makes certificates of its own with --auto-tls, and says where they lie", async () => {
    warned.length = 0;
    const { clients } = await tls(secure, "--auto-tls");
    match(clients?.options.certFile ?? "", /fixtures\/client\/cert\.pem$/);
    const { peers } = await tls("--listen-peer-urls=https://127.0.0.1:0", "--peer-auto-tls");
    equal(peers?.options.isSelfSigned, true);
    const pathOf = (endpoint: string) => join(folder, "fixtures", endpoint, "cert.pem");
    deepEqual(
      warned,
      ["client", "peer"].map(
        (endpoint) =>
          `using a self-signed certificate ${JSON.stringify({ endpoint, path: pathOf(endpoint) })}`,
      ),
    );
  });

  // biome-ignore format: a table
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[secure],                                                /^cannot listen on TLS for 127.0.0.1:0: KeyFile and CertFile are not presented$/],
    [[secure, "--cert-file=/a"],                              /^KeyFile and CertFile must both be present$/],
    [[secure, "--cert-file=/nowhere", "--key-file=/nowhere"], /Cannot read "\/nowhere"/],
    [["--tls-min-version=TLS1.1"],                            /^unexpected TLS version "TLS1.1" \(must be one of: TLS1.2, TLS1.3\)$/],
    [["--cipher-suites=X"],                                   /^unexpected TLS cipher suite "X"$/],
    [["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"], /^min version/],
    [["--tls-min-version=TLS1.3", "--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA"], /^cipher suites cannot be configured/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(" ")}`, () => rejects(tls(...args), { name: "PkiError", message }));
  }
});
