/**
 * Strategic merge patch: a merge patch that knows which lists are keyed.
 *
 * Lists with a merge key in the schema table merge by it (containers by name), lists of scalars
 * marked so are united, all other lists are replaced. The patch may carry directives:
 *
 * directive                    | meaning
 * -----------------------------|------------------------------------------------------------------
 * `$patch: replace`            | this map, or this list, as it is in the patch
 * `$patch: delete`             | this map becomes empty; this list element goes
 * `$setElementOrder/x`         | the order of list x afterwards; elements it lacks keep their place
 * `$deleteFromPrimitiveList/x` | values to take out of list x
 * `$retainKeys`                | keys not listed go (a union changes its member)
 * `null`                       | the key goes
 *
 * Source: apimachinery pkg/util/strategicpatch (behaviour, messages), observed with kubectl. Pure.
 */

import { copyJson, isRecord, isTooDeep, type JsonRecord, setKey } from "../json.ts";
import { canonicalJson } from "../names.ts";
import type { Resource } from "../resources.ts";
import type { Field, Message } from "../schema/notation.ts";
import { messageOf } from "../schema/table.ts";
import type { Json } from "../types.ts";
import { type PatchOutcome, tooDeep } from "./outcome.ts";

const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";
const retainKeys = "$retainKeys";

/** Applies `patch` to `original`, an object of the resource's kind. */
export function strategicMergePatch(resource: Resource, original: Json, patch: Json): PatchOutcome {
  if (!isRecord(patch) || !isRecord(original)) {
    const type = Array.isArray(patch) ? "array" : patch === null ? "null" : typeof patch;
    const message = `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
    return { kind: "badRequest", message };
  }
  if (isTooDeep(patch)) return tooDeep;
  const merge = new Merge();
  const object = merge.map(original, patch, messageOf(resource));
  if (merge.problem !== undefined) return { kind: "badRequest", message: merge.problem };
  return { kind: "ok", object };
}

/** One application; keeps the first problem. Without a message, maps merge and lists replace. */
class Merge {
  problem: string | undefined;

  map(original: JsonRecord, patch: JsonRecord, message: Message | undefined): JsonRecord {
    const directive = patch["$patch"];
    if (directive === "replace") return withoutDirectives(patch) as JsonRecord;
    if (directive === "delete") return {};
    if (directive !== undefined) {
      this.#fail(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
    }
    const merged = copyJson(original) as JsonRecord;
    this.#retain(merged, patch);
    for (const [key, value] of Object.entries(patch)) {
      if (this.problem !== undefined) break;
      if (key === retainKeys) continue;
      if (key.startsWith(orderPrefix)) this.#setOrder(merged, patch, key, message);
      else if (key.startsWith(deletePrefix)) this.#deleteScalars(merged, key, value);
      else if (!Object.hasOwn(patch, orderPrefix + key)) {
        this.#key(merged, key, value, message?.fields.get(key));
      }
    }
    return merged;
  }

  #key(merged: JsonRecord, key: string, value: Json, field: Field | undefined): void {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    if (value === null) delete merged[key];
    else if (isRecord(before) && isRecord(value)) {
      setKey(merged, key, this.map(before, value, messageIn(field)));
    } else if (Array.isArray(before) && Array.isArray(value)) {
      setKey(merged, key, this.#list(before, value, field));
    } else {
      const fresh = withoutDirectives(value);
      if (fresh === undefined) delete merged[key];
      else setKey(merged, key, fresh);
    }
  }

  #list(before: readonly Json[], patch: readonly Json[], field: Field | undefined): Json[] {
    const mergeKey = field?.mergeKey;
    if (mergeKey === undefined) return copyJson([...patch]) as Json[];
    if (!sameKind([...before, ...patch])) {
      this.#fail(
        `list element types are not identical: [${goText([...before])} ${goText([...patch])}]`,
      );
      return [];
    }
    if (mergeKey === "") {
      return inOrder(unique([...before, ...patch]), "", { patch, server: before });
    }
    return this.#keyedList(
      before as JsonRecord[],
      patch as JsonRecord[],
      mergeKey,
      messageIn(field),
    );
  }

  #keyedList(
    before: readonly JsonRecord[],
    patch: readonly JsonRecord[],
    mergeKey: string,
    message: Message | undefined,
  ): Json[] {
    const plain = patch.filter((item) => item["$patch"] === undefined);
    const merged = this.#withoutDeleted(before, patch, mergeKey);
    const places = placesOf(merged, mergeKey);
    for (const item of plain) {
      if (!this.#hasKey(item, mergeKey)) return [];
      const at = placeOf(places, item, mergeKey);
      const found = merged[at];
      if (found !== undefined) merged[at] = this.map(found, item, message);
      else {
        places.set(identityOf(item, mergeKey), merged.length);
        merged.push(withoutDirectives(item) as JsonRecord);
      }
    }
    return inOrder(merged, mergeKey, { patch: plain, server: before });
  }

  /** What is left of the list after its `$patch` elements. */
  #withoutDeleted(
    before: readonly JsonRecord[],
    patch: readonly JsonRecord[],
    mergeKey: string,
  ): JsonRecord[] {
    const deleted = new Set<string | undefined>();
    for (const item of patch) {
      const directive = item["$patch"];
      if (directive === undefined) continue;
      if (directive === "replace") return [];
      if (directive === "merge") this.#fail("merging lists cannot yet be specified in the patch");
      else if (directive !== "delete") {
        this.#fail(`unknown patch type: ${goText(directive)} in map: ${goText(item)}`);
      } else if (this.#hasKey(item, mergeKey)) deleted.add(identityOf(item, mergeKey));
    }
    const left = before.filter((item) => !deleted.has(identityOf(item, mergeKey)));
    return left.map((item) => copyJson(item) as JsonRecord);
  }

  #hasKey(item: JsonRecord, mergeKey: string): boolean {
    if (item[mergeKey] !== undefined) return true;
    this.#fail(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
    return false;
  }

  /** Merges list x together with `$setElementOrder/x`. */
  #setOrder(merged: JsonRecord, patch: JsonRecord, directive: string, message?: Message): void {
    const key = directive.slice(orderPrefix.length);
    const field = message?.fields.get(key);
    const order = patch[directive];
    const before = merged[key];
    const change = patch[key];
    const lists = [order, before ?? [], change ?? []];
    if (!lists.every(Array.isArray) || field?.mergeKey === undefined) {
      this.#fail(`invalid patch format of setElementOrder list`);
      return;
    }
    const [orderList, beforeList, changeList] = lists as [Json[], Json[], Json[]];
    if (!this.#checkOrder(changeList, orderList, field.mergeKey)) return;
    if (before === undefined && change === undefined) return;
    const both =
      before === undefined
        ? (withoutDirectives(changeList) as Json[])
        : this.#list(beforeList, changeList, field);
    if (this.problem !== undefined) return;
    setKey(merged, key, inOrder(both, field.mergeKey, { patch: orderList, server: beforeList }));
  }

  /** The elements of the patch must stand in the order list, in its order. */
  #checkOrder(change: readonly Json[], order: readonly Json[], mergeKey: string): boolean {
    const named = order.map((item) => identityOf(item, mergeKey));
    let from = 0;
    for (const item of change) {
      if (isRecord(item) && item["$patch"] !== undefined) continue;
      const identity = identityOf(item, mergeKey);
      const at = identity === undefined ? -1 : named.indexOf(identity, from);
      if (at < 0) {
        const texts = [goText([...change]), goText([...order])];
        this.#fail(
          `The order in patch list:\n${texts[0]}\n doesn't match $setElementOrder list:\n${texts[1]}\n`,
        );
        return false;
      }
      from = at + 1;
    }
    return true;
  }

  #deleteScalars(merged: JsonRecord, directive: string, values: Json): void {
    const key = directive.slice(deletePrefix.length);
    const before = merged[key];
    if (!Array.isArray(values)) {
      this.#fail("invalid patch format of primitive list");
      return;
    }
    if (!Array.isArray(before)) return;
    const deleted = placesOf(values, "");
    setKey(
      merged,
      key,
      before.filter((item) => placeOf(deleted, item, "") < 0),
    );
  }

  #retain(merged: JsonRecord, patch: JsonRecord): void {
    const keep = patch[retainKeys];
    if (keep === undefined) return;
    const exempt = (key: string): boolean =>
      patch[key] === null || key.startsWith(orderPrefix) || key.startsWith(deletePrefix);
    const keys = Object.keys(patch).filter((key) => key !== retainKeys && !exempt(key));
    if (!Array.isArray(keep) || !keys.every((key) => keep.includes(key))) {
      this.#fail("invalid patch format of retainKeys");
      return;
    }
    for (const key of Object.keys(merged)) if (!keep.includes(key)) delete merged[key];
  }

  #fail(problem: string): void {
    this.problem ??= problem;
  }
}

/** The message that a field holds, itself or in a list. */
function messageIn(field: Field | undefined): Message | undefined {
  const type = field?.type.kind === "list" ? field.type.of : field?.type;
  return type?.kind === "message" ? type.message : undefined;
}

function sameKind(items: readonly Json[]): boolean {
  return items.every(isRecord) || !items.some((item) => isRecord(item) || Array.isArray(item));
}

function unique(items: readonly Json[]): Json[] {
  const places = placesOf(items, "");
  return items.filter((item, at) => placeOf(places, item, "") === at);
}

/**
 * Equal for the elements of a list that are the same one: by their merge key, or as a whole in a list
 * of scalars. Undefined for what is no element of a keyed list. Looking elements up by it, instead of
 * comparing each with each, keeps a hostile patch from taking minutes.
 */
function identityOf(item: Json, mergeKey: string): string | undefined {
  if (mergeKey === "") return canonicalJson(item);
  return isRecord(item) ? canonicalJson(item[mergeKey]) : undefined;
}

/** Where each element stands first. */
function placesOf(items: readonly Json[], mergeKey: string): Map<string | undefined, number> {
  const places = new Map<string | undefined, number>();
  for (const [at, item] of items.entries()) {
    const identity = identityOf(item, mergeKey);
    if (identity !== undefined && !places.has(identity)) places.set(identity, at);
  }
  return places;
}

/** -1 when it is none of them. */
function placeOf(
  places: ReadonlyMap<string | undefined, number>,
  item: Json,
  mergeKey: string,
): number {
  return places.get(identityOf(item, mergeKey)) ?? -1;
}

/**
 * Elements that the patch names come in its order, the others in the server's. Where the two meet,
 * a server element goes first only if it stood before the patched one already.
 */
function inOrder(
  items: readonly Json[],
  mergeKey: string,
  orders: { readonly patch: readonly Json[]; readonly server: readonly Json[] },
): Json[] {
  const inPatch = placesOf(orders.patch, mergeKey);
  const onServer = placesOf(orders.server, mergeKey);
  const placed = items.map((item) => ({
    item,
    patchAt: placeOf(inPatch, item, mergeKey),
    serverAt: placeOf(onServer, item, mergeKey),
  }));
  const patched = placed.filter(({ patchAt }) => patchAt >= 0);
  patched.sort((left, right) => left.patchAt - right.patchAt);
  const others = placed.filter(({ patchAt }) => patchAt < 0);
  others.sort((left, right) => left.serverAt - right.serverAt);
  const merged: Json[] = [];
  let next = 0;
  for (const { item, serverAt } of patched) {
    for (let other = others[next]; other !== undefined; other = others[++next]) {
      if (other.serverAt < 0 || other.serverAt >= serverAt) break;
      merged.push(other.item);
    }
    merged.push(item);
  }
  return [...merged, ...others.slice(next).map(({ item }) => item)];
}

/** A value that enters where nothing was: its directives and nulls say nothing. Undefined: deleted. */
function withoutDirectives(json: Json): Json | undefined {
  if (Array.isArray(json)) {
    const items = json.filter((item) => !isRecord(item) || item["$patch"] !== "replace");
    return items.map(withoutDirectives).filter((item) => item !== undefined);
  }
  if (!isRecord(json)) return json;
  if (json["$patch"] === "delete") return undefined;
  const clean: JsonRecord = {};
  for (const [key, value] of Object.entries(json)) {
    const isDirective = key === "$patch" || key === retainKeys;
    if (isDirective || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)) continue;
    const inner = value === null ? undefined : withoutDirectives(value);
    if (inner !== undefined) setKey(clean, key, inner);
  }
  return clean;
}

/** As Go prints a value with %v, because the messages do. */
function goText(json: Json): string {
  if (json === null) return "<nil>";
  if (Array.isArray(json)) return `[${json.map(goText).join(" ")}]`;
  if (!isRecord(json)) return String(json);
  const entries = Object.entries(json).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${goText(item)}`).join(" ")}]`;
}
