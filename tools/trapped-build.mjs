// The simulator's own build of the tree, in which every known bug can be switched on.
//
// packages/sim/traps/*.txt say, trap by trap, which lines of which source become which others; this
// copies the sources, puts the lines in, and compiles the copy. What ships never sees a switch.
//
//   T2  An entry of an older term is committed by counting
//   seeds 200                                     the simulator must find it within so many
//   world membership ...                          what the simulated world must have, see sim's limits
//   file consensus/raft/replication.ts            below packages/consensus/src
//   - if (term !== server.term) return;           these lines, wherever they are indented,
//   + if (!trap("T2") && term !== server.term) return;      become these
//
//   repeat                                        runs of one seed are compared with each other
//   # Anything that a reader has to know.
//
// A trap that the world does not spring names the test that does, instead of seeds: it has to pass while
// the switch is off and to fail while it is on. One that no switch can express has nothing but a test.
//
//   test packages/wal/test/crash.test.ts: a name without directory sync is lost
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bin, root } from "./setup.mjs";

const packages = ["base", "consensus", "store", "wal", "replica", "sim"];
const trapsFolder = join(root, "packages", "sim", "traps");
const homeDefault = join(root, "packages", "sim", "dist", "trapped");

const switchSource = `/** The switches of the known bugs: one is open at a time. Only in this build. */
let open: string = (globalThis as { openTrap?: string }).openTrap ?? "";

/** Switches one bug on and all others off; "" switches all off. */
export function openTrap(id: string): void {
  open = id;
}

/** True while the bug \`id\` is switched on. */
export function trap(id: string): boolean {
  return open === id;
}
`;

/** Reads one trap. Throws with file and line where it makes no sense. */
export function parseTrap(text, name) {
  const [head = "", ...rest] = text.split("\n");
  const [, id, title] = /^(T\d+[a-z]?) +(.+)$/.exec(head) ?? [];
  if (id === undefined) throw new Error(`${name}:1: expected "T<number>  <title>"`);
  const trap = { id, title, seeds: 0, world: [], edits: [], isRepeated: false, name };
  let file;
  for (const [at, line] of rest.entries()) {
    const where = `${name}:${at + 2}`;
    const [, word, value] = /^(seeds|world|file|test) +(.+)$/.exec(line) ?? [];
    if (line.startsWith("#")) continue;
    if (line === "repeat") trap.isRepeated = true;
    else if (word === "seeds") trap.seeds = Number(value);
    else if (word === "world") trap.world = value.split(" ");
    else if (word === "test") trap.test = value;
    else if (word === "file") file = value;
    else if (line.startsWith("-") || line.startsWith("+")) takeEdit(trap, file, line, where);
    else if (line.trim() !== "") throw new Error(`${where}: not understood: ${line}`);
  }
  if (trap.test === undefined && (trap.edits.length === 0 || !(trap.seeds > 0))) {
    throw new Error(`${name}: neither edits with seeds, nor a test`);
  }
  return trap;
}

function takeEdit(trap, file, line, where) {
  if (file === undefined) throw new Error(`${where}: an edit before any "file"`);
  const text = line.slice(1).trim();
  let edit = trap.edits.at(-1);
  const isNew = edit === undefined || edit.file !== file || (line[0] === "-" && edit.by.length > 0);
  if (isNew) {
    edit = { file, find: [], by: [], where };
    trap.edits.push(edit);
  }
  (line[0] === "-" ? edit.find : edit.by).push(text);
}

/** All traps, by their number. */
export function readTraps() {
  return readdirSync(trapsFolder)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => parseTrap(readFileSync(join(trapsFolder, name), "utf8"), name))
    .sort(
      (left, right) =>
        Number.parseInt(left.id.slice(1), 10) - Number.parseInt(right.id.slice(1), 10) ||
        (left.id < right.id ? -1 : 1),
    );
}

/** Where an edit goes in the lines of a file. Throws unless it fits at exactly one place. */
export function placeOf(lines, edit) {
  const trimmed = lines.map((line) => line.trim());
  const places = trimmed.flatMap((_, at) =>
    edit.find.every((text, offset) => trimmed[at + offset] === text) ? [at] : [],
  );
  if (places.length !== 1) {
    throw new Error(
      `${edit.where}: its lines occur ${places.length} times in ${edit.file}: ${edit.find[0]}`,
    );
  }
  return places[0];
}

function sourcePath(file) {
  const [name, ...rest] = file.split("/");
  return join("packages", name, "src", ...rest);
}

function linesOf(file) {
  return readFileSync(join(root, sourcePath(file)), "utf8").split("\n");
}

/** Traps that change the same lines cannot be in one build: they are put into several. */
export function groupTraps(traps) {
  const groups = [];
  for (const trap of traps) {
    const spans = trap.edits.map((edit) => {
      const from = placeOf(linesOf(edit.file), edit);
      return { edit, from, to: from + edit.find.length };
    });
    const meet = (one, other) =>
      one.edit.file === other.edit.file && one.from < other.to && other.from < one.to;
    const isFree = (group) => !spans.some((span) => group.spans.some((other) => meet(span, other)));
    let group = groups.find(isFree);
    if (group === undefined) {
      group = { ids: [], spans: [] };
      groups.push(group);
    }
    group.ids.push(trap.id);
    group.spans.push(...spans);
  }
  return groups;
}

function copySources(home) {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(home, "node_modules", "@flotilla"), { recursive: true });
  cpSync(join(root, "tsconfig.base.json"), join(home, "tsconfig.base.json"));
  for (const name of packages) {
    for (const part of ["src", "package.json"]) {
      cpSync(join(root, "packages", name, part), join(home, "packages", name, part), {
        recursive: true,
      });
    }
    symlinkSync(join("..", "..", "packages", name), join(home, "node_modules", "@flotilla", name));
  }
  const base = join(home, "packages", "base", "src");
  writeFileSync(join(base, "trap.ts"), switchSource);
  const index = readFileSync(join(base, "index.ts"), "utf8");
  writeFileSync(join(base, "index.ts"), `${index}export { openTrap, trap } from "./trap.ts";\n`);
}

function writeEdits(spans, home) {
  for (const file of new Set(spans.map(({ edit }) => edit.file))) {
    const here = spans.filter(({ edit }) => edit.file === file);
    const lines = here
      .sort((left, right) => right.from - left.from) // From the end, so that places stay.
      .reduce(
        (rest, { edit, from, to }) => rest.toSpliced(from, to - from, ...edit.by),
        linesOf(file),
      );
    const base = file.startsWith("base/")
      ? `./${"../".repeat(file.split("/").length - 2)}trap.ts`
      : "@flotilla/base";
    const text = `import { trap } from "${base}";\n${lines.join("\n")}`;
    writeFileSync(join(home, sourcePath(file)), text);
  }
}

/** The tests of these packages, in a copy whose sources are built. */
function buildTests(names, copy) {
  for (const name of names) {
    const test = join(copy, "packages", name, "test");
    cpSync(join(root, "packages", name, "test"), test, { recursive: true });
    execFileSync(process.execPath, [bin("tsc"), "-b", test], { cwd: copy, stdio: "inherit" });
  }
}

/**
 * Compiles the tree with all switches in it, in as few copies as possible. Returns by the id of each
 * trap the copy that it is in, and there the simulator's entry and the module with `openTrap`.
 */
export function buildTrapped(traps, home = homeDefault) {
  const built = new Map();
  for (const [number, { ids, spans }] of groupTraps(traps).entries()) {
    const copy = `${home}-${number + 1}`;
    copySources(copy);
    writeEdits(spans, copy);
    const options = ["-b", join(copy, "packages", "sim", "src")];
    execFileSync(process.execPath, [bin("tsc"), ...options], { cwd: copy, stdio: "inherit" });
    const output = (name, file) => join(copy, "packages", name, "dist", "src", file);
    const paths = { entry: output("sim", "index.js"), switchPath: output("base", "trap.js") };
    const tested = traps.filter(({ id, test }) => ids.includes(id) && test !== undefined);
    buildTests(new Set(tested.map(({ test }) => test.split("/")[1])), copy);
    for (const id of ids) built.set(id, { ...paths, copy });
  }
  return built;
}
