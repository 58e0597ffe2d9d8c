/**
 * The bytes of a snapshot: per table its name and its entries.
 *
 * ```
 * count of tables | name | count of entries | (key | value)...
 * ```
 *
 * Counts are varints, names, keys and values have their length before them. Pure.
 */
import { utf8, WireReader, WireWriter } from "@flotilla/base";
import { OrderedMap } from "./ordered-map.ts";
import type { StateImage } from "./simulated-backend.ts";

const tableField = 1;
const nameField = 1;
const keyField = 2;
const valueField = 3;

export function encodeImage(image: StateImage): Uint8Array {
  const writer = new WireWriter();
  const names = [...image.keys()].sort();
  for (const name of names) {
    writer.fieldMessage(tableField, (table) => {
      table.fieldBytesAlways(nameField, utf8(name));
      for (const [key, value] of image.get(name)?.ascend(new Uint8Array(0)) ?? []) {
        table.fieldBytesAlways(keyField, key);
        table.fieldBytesAlways(valueField, value);
      }
    });
  }
  return writer.seal();
}

/** Throws `WireError` when the bytes are no snapshot. */
export function decodeImage(bytes: Uint8Array): StateImage {
  const image = new Map<string, OrderedMap>();
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === tableField) decodeTable(reader.message(), image);
    else reader.skip();
  }
  return image;
}

function decodeTable(reader: WireReader, image: Map<string, OrderedMap>): void {
  const map = new OrderedMap();
  let name = "";
  let key = new Uint8Array(0);
  while (reader.next()) {
    if (reader.field === nameField) name = reader.text();
    else if (reader.field === keyField) key = reader.bytes().slice();
    else if (reader.field === valueField) map.set(key, reader.bytes().slice());
    else reader.skip();
  }
  image.set(name, map);
}
