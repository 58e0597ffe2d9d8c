/** The subresources that are not the object itself: scale, binding, eviction. */
import type { Json, KubeObject } from "@flotilla/objects";
import { badRequest } from "../errors.ts";
import { admitUpdate } from "../registry/admission.ts";
import { bindPod } from "../registry/bind.ts";
import { deleteObject } from "../registry/delete.ts";
import { readObject } from "../registry/read.ts";
import { applyScale, scaleOf } from "../registry/scale.ts";
import { updateObject } from "../registry/update.ts";
import { parseBody, parseWriteQuery } from "./body.ts";
import { parseDeleteRequest } from "./delete-options.ts";
import { type ApiResponse, json } from "./message.ts";
import { type NamedRequest, optionsOf, targetOf } from "./object-handlers.ts";
import { parsePatch } from "./patch-object.ts";

type Fields = { readonly [key: string]: Json };

export async function getScale(call: NamedRequest): Promise<ApiResponse> {
  const options = { resourceVersion: "", signal: call.request.signal };
  const decoded = await readObject(call.api.context, targetOf(call), options);
  return json(200, scaleOf(decoded.object));
}

export async function putScale(call: NamedRequest): Promise<ApiResponse> {
  const { request } = call;
  const body = parseBody(request.headers["content-type"], request.body, "Scale");
  return changeScale(call, "UpdateOptions", () => body);
}

export async function patchScale(call: NamedRequest): Promise<ApiResponse> {
  const { request, route } = call;
  const apply = parsePatch(route.resource, request.headers["content-type"], request.body);
  return changeScale(call, "PatchOptions", (current) => apply(scaleOf(current) as unknown as Json));
}

async function changeScale(
  call: NamedRequest,
  kind: string,
  submit: (current: KubeObject) => Json,
): Promise<ApiResponse> {
  const written = await updateObject(
    call.api.context,
    targetOf(call),
    optionsOf(call, parseWriteQuery(call.query, kind)),
    (current) => applyScale(current, submit(current)),
    admitUpdate,
  );
  return json(200, scaleOf(written.object));
}

export async function bind(call: NamedRequest): Promise<ApiResponse> {
  const { request, route, name } = call;
  const body = recordOf(parseBody(request.headers["content-type"], request.body, "Binding"));
  const metadata = recordOf(body["metadata"]);
  const node = recordOf(body["target"])["name"];
  if ((metadata["name"] ?? name) !== name) {
    throw badRequest("name in URL does not match name in Binding object");
  }
  const uid = metadata["uid"];
  const annotations = recordOf(metadata["annotations"]) as Record<string, string>;
  await bindPod(
    call.api.context,
    {
      namespace: route.namespace ?? "default",
      name,
      nodeName: typeof node === "string" ? node : "",
      annotations,
      ...(typeof uid === "string" ? { uid } : {}),
    },
    optionsOf(call, parseWriteQuery(call.query, "CreateOptions")),
  );
  return json(201, success);
}

/** Without disruption budgets an eviction is a delete. */
export async function evict(call: NamedRequest): Promise<ApiResponse> {
  const { request } = call;
  const body = recordOf(parseBody(request.headers["content-type"], request.body, "Eviction"));
  const given = Buffer.from(JSON.stringify(recordOf(body["deleteOptions"])), "utf8");
  const asked = parseDeleteRequest(call.query, "application/json", given);
  await deleteObject(call.api.context, targetOf(call), asked.options, {
    dryRun: asked.dryRun,
    signal: request.signal,
  });
  return json(201, success);
}

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

function recordOf(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
