import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage } from "@flotilla/base";
import { encodeProposal } from "@flotilla/store";
import { decodeAdvertisement, encodeAdvertisement } from "../src/advertisement.ts";

describe("an advertisement", () => {
  const attributes = { memberId: 7n, name: "w", clientUrls: ["http://w"], apiUrl: "" };

  it("comes across", () => {
    deepEqual(decodeAdvertisement(encodeAdvertisement(attributes)), attributes);
  });

  it("is told apart from every other call, and asks for nothing else", () => {
    equal(decodeAdvertisement(encodeMessage((writer) => writer.fieldVarint(1, 2))), undefined);
    equal(decodeAdvertisement(Uint8Array.of(255)), undefined);
    const revoke = { kind: "leaseRevoke", id: 5n } as const;
    const session = { session: 1n, openedAt: 0, sequence: 1, settledBelow: 1, onlyInTerm: 0 };
    equal(decodeAdvertisement(encodeProposal({ ...session, command: revoke })), undefined);
  });
});
