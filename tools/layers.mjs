// The floors of ARCHITECTURE.md as data, checked against what packages declare and import.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const impure = { nodeImports: true };
/** package -> what it may depend on inside this repository. Pure packages may not touch `node:*`, time or chance. */
export const floors = {
  base: { allowed: [] },
  consensus: { allowed: ["base"] },
  store: { allowed: ["base"] },
  objects: { allowed: ["base"] },
  wal: { allowed: ["base", "consensus"] },
  replica: { allowed: ["base", "consensus", "store", "wal"] },
  disk: { allowed: ["base", "wal"], ...impure },
  backend: { allowed: ["base", "store"], ...impure },
  pki: { allowed: ["base"], ...impure },
  peer: { allowed: ["base", "consensus", "pki"], ...impure },
  grpc: { allowed: ["base"], ...impure },
  member: {
    allowed: ["base", "consensus", "store", "wal", "disk", "replica", "backend", "peer"],
    ...impure,
  },
  client: { allowed: ["base", "store", "objects"], ...impure },
  "etcd-api": { allowed: ["base", "store", "pki", "grpc", "member"], ...impure },
  "kube-api": { allowed: ["base", "objects", "store", "client", "member"], ...impure },
  controllers: { allowed: ["base", "objects", "client"], ...impure },
  scheduler: { allowed: ["base", "objects", "client"], ...impure },
  agent: { allowed: ["base", "objects", "client"], ...impure },
  embed: { allowed: ["base", "store", "member", "client", "etcd-api"], ...impure },
  cli: { allowed: "any", ...impure },
  sim: { allowed: ["base", "consensus", "store", "wal", "replica"] },
};

const scope = "@flotilla/";
const banned = [
  [/from "node:/, "imports node:*"],
  [
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b/,
    "takes time or chance from the outside",
  ],
];

const problems = [];
const report = (where, what) => problems.push(`${where}: ${what}`);

function sourcesOf(name) {
  const folder = join(root, "packages", name, "src");
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [`packages/${name}/src/${path}`, readFileSync(join(folder, path), "utf8")]);
}

function check(name, floor) {
  const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
  const declared = Object.keys(manifest.dependencies ?? {})
    .filter((dependency) => dependency.startsWith(scope))
    .map((dependency) => dependency.slice(scope.length));
  for (const dependency of declared) {
    if (floor.allowed !== "any" && !floor.allowed.includes(dependency)) {
      report(
        `packages/${name}`,
        `may not depend on ${dependency}: see the floors in ARCHITECTURE.md`,
      );
    }
  }
  const tsconfig = JSON.parse(
    readFileSync(join(root, "packages", name, "src", "tsconfig.json"), "utf8"),
  );
  const referenced = (tsconfig.references ?? []).map(({ path }) => path.split("/").at(-2));
  if (declared.toSorted().join() !== referenced.toSorted().join()) {
    report(
      `packages/${name}/src/tsconfig.json`,
      `references ${referenced}, package.json declares ${declared}`,
    );
  }
  if (!floor.nodeImports && tsconfig.compilerOptions?.types !== undefined) {
    report(`packages/${name}/src/tsconfig.json`, "a pure package has no ambient types");
  }
  for (const [path, text] of sourcesOf(name)) {
    for (const [, imported] of text.matchAll(/from "@flotilla\/([^"]+)"/g)) {
      if (imported.includes("/"))
        report(path, `deep import of ${imported}: use the package's index`);
      else if (!declared.includes(imported))
        report(path, `imports ${imported}, which package.json does not declare`);
    }
    if (floor.nodeImports) continue;
    for (const [pattern, what] of banned)
      if (pattern.test(text)) report(path, `pure package ${what}`);
  }
}

const present = readdirSync(join(root, "packages"));
for (const name of present) {
  if (floors[name] === undefined) report(`packages/${name}`, "has no floor in tools/layers.mjs");
  else check(name, floors[name]);
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`layers: ${present.length} packages on their floors`);
