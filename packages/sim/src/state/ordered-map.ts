/**
 * A sorted map of byte strings whose copies cost nothing: a B+ tree that copies the path it changes.
 * Pure.
 *
 * A node belongs to the map that made it, by its `owner`; only that map may change it in place. A
 * copy takes the root and gives both maps new owners, so that each copies what it changes from then
 * on. Nodes that become empty go away; others are not merged, which costs space in a map that shrinks
 * and nothing else.
 */
import { compareBytes } from "@flotilla/base";

/** Entries of a leaf, and children of a branch. */
const widthMax = 32;

type Owner = object;
interface Leaf {
  owner: Owner;
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
}
interface Branch {
  owner: Owner;
  readonly children: Node[];
  /** `lowest[i]` is not above any key in `children[i]`, and above all of those before. */
  readonly lowest: Uint8Array[];
  /** Entries in all children. */
  size: number;
}
type Node = Leaf | Branch;

export class OrderedMap {
  #root: Node;
  #owner: Owner;

  constructor() {
    this.#owner = {};
    this.#root = { owner: this.#owner, keys: [], values: [] };
  }

  get size(): number {
    return sizeOf(this.#root);
  }

  /** A map with the same entries; neither sees what the other changes. O(1). */
  copy(): OrderedMap {
    const copied = new OrderedMap();
    copied.#root = this.#root;
    this.#owner = {};
    return copied;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    let node = this.#root;
    while ("children" in node) node = node.children[childAt(node, key)] as Node;
    const at = lowerBound(node.keys, key);
    return isAt(node, at, key) ? node.values[at] : undefined;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const root = this.#own(this.#root);
    this.#root = root;
    const sibling = this.#insert(root, key, value);
    if (sibling === undefined) return;
    const children = [root, sibling];
    const lowest = children.map(lowestOf);
    const size = sizeOf(root) + sizeOf(sibling);
    this.#root = { owner: this.#owner, children, lowest, size };
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    if (this.get(key) === undefined) return false;
    let root = this.#own(this.#root);
    this.#remove(root, key);
    while ("children" in root && root.children.length === 1) root = root.children[0] as Node;
    if ("children" in root && root.children.length === 0) {
      root = { owner: this.#owner, keys: [], values: [] };
    }
    this.#root = root;
    return true;
  }

  /** How many keys are below `key`. */
  rank(key: Uint8Array): number {
    let node = this.#root;
    let before = 0;
    while ("children" in node) {
      const at = childAt(node, key);
      for (let child = 0; child < at; child++) before += sizeOf(node.children[child] as Node);
      node = node.children[at] as Node;
    }
    return before + lowerBound(node.keys, key);
  }

  /** Entries in order, from the first key that is not below `from`. */
  *ascend(from: Uint8Array): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
    const path: { readonly branch: Branch; at: number }[] = [];
    let node: Node | undefined = this.#root;
    let isFirst = true;
    while (node !== undefined) {
      while ("children" in node) {
        const at: number = isFirst ? childAt(node, from) : 0;
        path.push({ branch: node, at });
        node = node.children[at] as Node;
      }
      const { keys, values } = node;
      for (let at = isFirst ? lowerBound(keys, from) : 0; at < keys.length; at++) {
        yield [keys[at] as Uint8Array, values[at] as Uint8Array];
      }
      isFirst = false;
      node = stepPath(path, 1);
    }
  }

  /** Entries in reverse order, from the last key that is below `to`; undefined: from the last one. */
  *descend(to: Uint8Array | undefined): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
    const path: { readonly branch: Branch; at: number }[] = [];
    let node: Node | undefined = this.#root;
    let bound = to;
    while (node !== undefined) {
      while ("children" in node) {
        const at: number = bound === undefined ? node.children.length - 1 : childAt(node, bound);
        path.push({ branch: node, at });
        node = node.children[at] as Node;
      }
      const { keys, values } = node;
      const end: number = bound === undefined ? keys.length : lowerBound(keys, bound);
      for (let at = end - 1; at >= 0; at--) {
        yield [keys[at] as Uint8Array, values[at] as Uint8Array];
      }
      bound = undefined;
      node = stepPath(path, -1);
    }
  }

  /** The node, or a copy of it that this map may change. */
  #own(node: Node): Node {
    if (node.owner === this.#owner) return node;
    const owner = this.#owner;
    if (!("children" in node)) {
      return { owner, keys: node.keys.slice(), values: node.values.slice() };
    }
    const { children, lowest, size } = node;
    return { owner, children: children.slice(), lowest: lowest.slice(), size };
  }

  /** Returns the new right half of a node that had to be split. */
  #insert(node: Node, key: Uint8Array, value: Uint8Array): Node | undefined {
    if (!("children" in node)) return this.#insertHere(node, key, value);
    const at = childAt(node, key);
    const before = node.children[at] as Node;
    const child = this.#own(before);
    const sizeBefore = sizeOf(before);
    node.children[at] = child;
    const sibling = this.#insert(child, key, value);
    if (at === 0 && compareBytes(key, node.lowest[0] as Uint8Array) < 0) node.lowest[0] = key;
    node.size += sizeOf(child) - sizeBefore;
    if (sibling === undefined) return undefined;
    node.size += sizeOf(sibling);
    node.children.splice(at + 1, 0, sibling);
    node.lowest.splice(at + 1, 0, lowestOf(sibling));
    return node.children.length > widthMax ? this.#splitBranch(node) : undefined;
  }

  #insertHere(leaf: Leaf, key: Uint8Array, value: Uint8Array): Node | undefined {
    const at = lowerBound(leaf.keys, key);
    if (isAt(leaf, at, key)) {
      leaf.values[at] = value;
      return undefined;
    }
    leaf.keys.splice(at, 0, key);
    leaf.values.splice(at, 0, value);
    if (leaf.keys.length <= widthMax) return undefined;
    // Most keys are appended: a full left half stays full then.
    const half = at === leaf.keys.length - 1 ? at : leaf.keys.length >> 1;
    return { owner: this.#owner, keys: leaf.keys.splice(half), values: leaf.values.splice(half) };
  }

  #splitBranch(branch: Branch): Branch {
    const half = branch.children.length >> 1;
    const children = branch.children.splice(half);
    const lowest = branch.lowest.splice(half);
    const size = children.reduce((sum, child) => sum + sizeOf(child), 0);
    branch.size -= size;
    return { owner: this.#owner, children, lowest, size };
  }

  /** `node` is this map's own and holds the key. */
  #remove(node: Node, key: Uint8Array): void {
    if (!("children" in node)) {
      const at = lowerBound(node.keys, key);
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return;
    }
    const at = childAt(node, key);
    const child = this.#own(node.children[at] as Node);
    node.children[at] = child;
    node.size--;
    this.#remove(child, key);
    if (sizeOf(child) > 0) return;
    node.children.splice(at, 1);
    node.lowest.splice(at, 1);
  }
}

function sizeOf(node: Node): number {
  return "children" in node ? node.size : node.keys.length;
}

function lowestOf(node: Node): Uint8Array {
  return ("children" in node ? node.lowest[0] : node.keys[0]) as Uint8Array;
}

function isAt(leaf: Leaf, at: number, key: Uint8Array): boolean {
  const found = leaf.keys[at];
  return found !== undefined && compareBytes(found, key) === 0;
}

/** The first place whose key is not below `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(keys[middle] as Uint8Array, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child that holds `key`, or would. */
function childAt({ lowest }: Branch, key: Uint8Array): number {
  let low = 1;
  let high = lowest.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(lowest[middle] as Uint8Array, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The next node beside the one that `path` leads to. */
function stepPath(path: { readonly branch: Branch; at: number }[], step: 1 | -1): Node | undefined {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    last.at += step;
    const next = last.branch.children[last.at];
    if (next !== undefined) return next;
    path.pop();
  }
  return undefined;
}
