/**
 * Records anew what a real API server and kubectl answer to the questions in testdata/*.json.
 *
 *     KUBECONFIG=... [KUBECTL=kubectl] node packages/objects/test/record.mjs
 *
 * Needs an API server without nodes of its own (1.36 was used) and kubectl of the same version. Asks
 * with dry runs where it can; the objects that it creates are called "record..." and are deleted.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allResources } from "../dist/src/index.js";

const kubectl = process.env.KUBECTL ?? "kubectl";
const directory = new URL("testdata/", import.meta.url);
const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io";

function load(name) {
  return JSON.parse(readFileSync(new URL(name, directory), "utf8"));
}

/** One case on a line, so that a change of an answer is a change of one line. */
function save(name, cases) {
  const lines = cases.map((entry) => JSON.stringify(entry)).join(",\n");
  writeFileSync(new URL(name, directory), `[\n${lines}\n]\n`);
}

/** Paths of a resource: of all its objects, or of one. */
function pathOf(plural, name) {
  const { group, version, namespaced } = allResources.find((entry) => entry.plural === plural);
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const path = `${root}${namespaced ? "/namespaces/default" : ""}/${plural}`;
  return name === undefined ? path : `${path}/${name}`;
}

async function request(base, method, path, { body, type = "application/json", accept } = {}) {
  const response = await fetch(base + path, {
    method,
    headers: { "content-type": type, accept: accept ?? "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: JSON.parse(await response.text()) };
}

/** Without what is different each time, and what admission plug-ins and allocators add. */
function withoutVolatile(object) {
  const { uid, creationTimestamp, managedFields, resourceVersion, ...metadata } = object.metadata;
  const copy = { ...object, metadata };
  if (object.kind === "Pod") {
    const {
      serviceAccountName,
      serviceAccount,
      tolerations,
      priority,
      preemptionPolicy,
      volumes,
      ...spec
    } = object.spec;
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      delete container.volumeMounts;
    }
    copy.spec = spec;
  }
  if (object.kind === "Service") {
    const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ...spec } = object.spec;
    for (const port of spec.ports ?? []) delete port.nodePort;
    copy.spec = spec;
  }
  if (object.kind === "Node") {
    const taints = object.spec.taints?.filter(({ key }) => key !== "node.kubernetes.io/not-ready");
    copy.spec = { ...object.spec, taints };
  }
  return copy;
}

async function recordCreate(base) {
  const cases = load("create.json");
  for (const entry of cases) {
    const path = `${pathOf(entry.resource)}?dryRun=All&fieldValidation=Strict`;
    const { status, answer } = await request(base, "POST", path, { body: entry.object });
    const causes = answer.details?.causes;
    if (status === 201) entry.answer = { code: status, object: withoutVolatile(answer) };
    else if (causes === undefined) entry.answer = { code: status, message: answer.message };
    else {
      const message = causes.length === 1 ? { message: answer.message } : {};
      entry.answer = { code: status, ...message, causes };
    }
  }
  save("create.json", cases);
}

/** kubectl has the same patch code as the API server, and needs none. */
function recordPatch() {
  const originals = load("originals.json");
  const scratch = mkdtempSync(join(tmpdir(), "record-"));
  const cases = load("patch.json");
  for (const entry of cases) {
    const file = join(scratch, "object.json");
    const { object } = originals.find(({ resource }) => resource === entry.original);
    writeFileSync(file, JSON.stringify(object));
    const flags = ["-s", "http://127.0.0.1:1", "patch", "--local", "-f", file, "-o", "json"];
    const patch = ["--type", entry.type, "-p", JSON.stringify(entry.patch)];
    try {
      const options = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
      entry.answer = { object: JSON.parse(execFileSync(kubectl, [...flags, ...patch], options)) };
    } catch (error) {
      entry.answer = { message: error.stderr.trim() };
    }
  }
  rmSync(scratch, { recursive: true });
  save("patch.json", cases);
}

/** "@-330" is 330 seconds before now, "@@-330" the same with six digits. */
function withTimes(value, nowMs) {
  return JSON.parse(JSON.stringify(value), (_key, text) => {
    const parts = /^(@@?)(-?\d+)$/.exec(text);
    if (parts === null) return text;
    const time = new Date(nowMs + Number(parts[2]) * 1000).toISOString();
    return parts[1] === "@" ? time.replace(/\.\d+/, "") : time.replace(/\.\d+/, ".000000");
  });
}

async function recordTable(base) {
  const cases = load("table.json");
  const seen = new Set();
  for (const entry of cases) {
    const { resource } = entry;
    const { name } = entry.object.metadata;
    await request(base, "POST", pathOf(resource), { body: withTimes(entry.object, Date.now()) });
    if (entry.status !== undefined) {
      const type = "application/merge-patch+json";
      const body = { status: withTimes(entry.status, Date.now()) };
      await request(base, "PATCH", `${pathOf(resource, name)}/status`, { body, type });
    }
    if (entry.delete) await request(base, "DELETE", pathOf(resource, name));
    const path = `${pathOf(resource, name)}?includeObject=Object`;
    const nowMs = Date.now();
    const { answer } = await request(base, "GET", path, { accept: tableType });
    const [row] = answer.rows;
    delete row.object.metadata.managedFields;
    const { spec } = row.object;
    if (row.object.kind === "Pod") for (const name of ["volumes", "tolerations"]) delete spec[name];
    const columns = answer.columnDefinitions.map(({ description, ...column }) => column);
    entry.answer = { nowMs, cells: row.cells, object: row.object };
    if (!seen.has(resource)) entry.answer.columns = columns;
    seen.add(resource);
  }
  for (const { resource, object } of cases) {
    const body = { gracePeriodSeconds: 0 };
    await request(base, "DELETE", pathOf(resource, object.metadata.name), { body });
  }
  save("table.json", cases);
}

/** The same object in both encodings, for one valid object of each kind. */
async function recordProtobuf(base) {
  const valid = load("create.json").filter(({ answer }) => answer.code === 201);
  const richest = valid.find(({ name }) => name === "deployment with much");
  const cases = [];
  for (const { resource, object } of [...allResources.map(firstOf(valid)), richest]) {
    const name = `record-${cases.length}`;
    const body = { ...object, metadata: { ...object.metadata, name } };
    await request(base, "POST", pathOf(resource), { body });
    cases.push({ resource, ...(await bothEncodings(base, pathOf(resource, name))) });
    await request(base, "DELETE", pathOf(resource, name), { body: { gracePeriodSeconds: 0 } });
  }
  save("protobuf.json", cases);
}

function firstOf(cases) {
  return ({ plural }) => cases.find(({ resource }) => resource === plural);
}

/** Asks again while a controller changes the object in between. */
async function bothEncodings(base, path) {
  for (;;) {
    const { answer: before } = await request(base, "GET", path);
    const headers = { accept: "application/vnd.kubernetes.protobuf" };
    const response = await fetch(base + path, { headers });
    const protobuf = Buffer.from(await response.arrayBuffer()).toString("base64");
    const { answer: after } = await request(base, "GET", path);
    if (before.metadata.resourceVersion === after.metadata.resourceVersion) {
      return { object: after, protobuf };
    }
  }
}

/** `kubectl proxy` takes care of addresses, certificates and credentials. */
async function startProxy() {
  const proxy = spawn(kubectl, ["proxy", "--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const chunk of proxy.stdout) {
    const address = /127\.0\.0\.1:\d+/.exec(String(chunk))?.[0];
    if (address !== undefined) return { proxy, base: `http://${address}` };
  }
  throw new Error("Cannot record: kubectl proxy ended before it listened");
}

recordPatch();
const { proxy, base } = await startProxy();
try {
  await recordCreate(base);
  await recordTable(base);
  await recordProtobuf(base);
} finally {
  proxy.kill();
}
