/**
 * What a member that keeps no store asks the leader: to write where it is reached into the log. A
 * witness cannot propose for itself, because it would not see what became of it. Pure.
 *
 * The bytes are those of a log entry (`encodeProposal`), which no other call between members is.
 */
import { WireError } from "@flotilla/base";
import { CodecError, decodeProposal, encodeProposal, type MemberAttributes } from "@flotilla/store";

/** Of the field that carries attributes in a log entry; the replica's calls begin with field 1. */
const firstByte = 0xaa;
/** The answer once it is applied where the leader is; every other answer means that it is not. */
export const writtenDown: Uint8Array = Uint8Array.of(1);

export function encodeAdvertisement(attributes: MemberAttributes): Uint8Array {
  const command = { kind: "memberAttributes", attributes } as const;
  // Whoever is asked proposes it in a session of its own.
  const noSession = { session: 0n, openedAt: 0, sequence: 0, settledBelow: 0, onlyInTerm: 0 };
  return encodeProposal({ ...noSession, command });
}

/** Undefined when the call asks for something else. */
export function decodeAdvertisement(request: Uint8Array): MemberAttributes | undefined {
  // What other calls begin with, told apart without an exception each time.
  if (request[0] !== firstByte) return undefined;
  try {
    const { command } = decodeProposal(request);
    return command.kind === "memberAttributes" ? command.attributes : undefined;
  } catch (error) {
    if (error instanceof WireError || error instanceof CodecError) return undefined;
    throw error;
  }
}
