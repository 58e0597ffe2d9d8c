import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32c, Prng, utf8 } from "@flotilla/base";

describe("crc32c()", () => {
  it("gives the check values of RFC 3720 appendix B.4 and of the CRC catalogue", () => {
    equal(crc32c(utf8("123456789")), 0xe3069283);
    equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
  });

  it("continues from a previous checksum, wherever the bytes are cut (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const all = Uint8Array.from({ length: prng.below(64) }, () => prng.below(256));
      const cut = prng.below(all.length + 1);
      equal(crc32c(all.subarray(cut), crc32c(all.subarray(0, cut))), crc32c(all), `seed=${seed}`);
    }
  });
});
