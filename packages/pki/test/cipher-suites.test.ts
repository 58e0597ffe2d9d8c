import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { getCiphers } from "node:tls";
import { ciphersOf, PkiError } from "../src/index.ts";

describe("ciphersOf()", () => {
  it("translates Go's names, in order, and always leaves those of TLS 1.3", () => {
    const ciphers = ciphersOf([
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_RSA_WITH_AES_128_CBC_SHA",
    ]);
    assert.match(
      ciphers ?? "",
      /^TLS_AES_128_GCM_SHA256:.*:ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA$/,
    );
    for (const name of ciphers?.split(":") ?? []) {
      assert.ok(getCiphers().includes(name.toLowerCase()), name);
    }
  });

  it("chooses nothing where only suites of TLS 1.3 are named", () => {
    assert.equal(ciphersOf(["TLS_AES_128_GCM_SHA256"]), undefined);
    assert.equal(ciphersOf([]), undefined);
  });

  it("refuses a name that it does not know, in etcd's words", () => {
    assert.throws(
      () => ciphersOf(["X"]),
      new PkiError("badOptions", 'unexpected TLS cipher suite "X"'),
    );
  });
});
