/**
 * Steps of a change of the configuration, on the wire. Pure. Readers throw `WireError`.
 *
 * step: {1: kind, 2: id, 3: votes, 4: witness, 5: url, repeated, 6: preferred id, repeated}.
 */
import { assertNever, WireError, type WireReader, type WireWriter } from "@flotilla/base";
import { type ConfigurationChange, type NodeId, serversMax } from "@flotilla/consensus";

const kinds = [
  "add",
  "remove",
  "promote",
  "demote",
  "votes",
  "prefer",
  "staticLeader",
  "urls",
] as const satisfies readonly ConfigurationChange["kind"][];

/** Everything that a step can have. */
interface Fields {
  code: number;
  id: NodeId;
  votes: number;
  witness: boolean;
  readonly urls: string[];
  readonly ids: NodeId[];
}

export function writeChange(writer: WireWriter, change: ConfigurationChange): void {
  writer.fieldVarint(1, kinds.indexOf(change.kind) + 1);
  if ("id" in change) writer.fieldText(2, change.id ?? "");
  if ("votes" in change) writer.fieldVarint(3, change.votes);
  if ("witness" in change) writer.fieldBool(4, change.witness === true);
  if ("urls" in change) for (const url of change.urls ?? []) writer.fieldTextAlways(5, url);
  if ("ids" in change) for (const id of change.ids) writer.fieldTextAlways(6, id);
}

/** One step; whether it makes sense is for the engine to say. */
export function readChange(reader: WireReader): ConfigurationChange {
  const fields: Fields = { code: 0, id: "", votes: 0, witness: false, urls: [], ids: [] };
  while (reader.next()) {
    if (reader.field === 1) fields.code = reader.varint();
    else if (reader.field === 2) fields.id = reader.text();
    else if (reader.field === 3) fields.votes = reader.varint();
    else if (reader.field === 4) fields.witness = reader.bool();
    else if (reader.field === 5) fields.urls.push(reader.text());
    else if (reader.field === 6) fields.ids.push(reader.text());
    else reader.skip();
  }
  if (fields.ids.length > serversMax) throw new WireError(`${fields.ids.length} preferred servers`);
  return changeOf(fields);
}

function changeOf({ code, id, votes, witness, urls, ids }: Fields): ConfigurationChange {
  const kind = kinds[code - 1];
  switch (kind) {
    case "add":
      return { kind, id, votes, witness, urls };
    case "promote":
    case "votes":
      return { kind, id, votes };
    case "remove":
    case "demote":
      return { kind, id };
    case "prefer":
      return { kind, ids };
    case "staticLeader":
      return { kind, id: id === "" ? undefined : id };
    case "urls":
      return { kind, id, urls };
    case undefined:
      throw new WireError(`unknown change ${code}`);
    default:
      return assertNever(kind);
  }
}
