/**
 * Which form of an answer a client asks for in its Accept header. Pure.
 *
 * Source: apiserver pkg/endpoints/handlers/negotiation. The first form that is served wins, in the
 * client's order; protobuf and YAML are passed over.
 */

export type Form = "object" | "table" | "partial";

export interface MediaType {
  /** "application/json". */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The media types of an Accept header in the client's order; what cannot be read is left out. */
export function parseAccept(accept: string): MediaType[] {
  return accept.split(",").flatMap((item) => {
    const [type, ...rest] = item.split(";").map((part) => part.trim());
    if (type === undefined || !/^[^/\s]+\/[^/\s]+$/.test(type)) return [];
    const parameters = new Map(
      rest.map((parameter) => {
        const at = parameter.indexOf("=");
        return [parameter.slice(0, at).toLowerCase(), parameter.slice(at + 1)] as const;
      }),
    );
    return parameters.get("q") === "0" ? [] : [{ type: type.toLowerCase(), parameters }];
  });
}

/** The form of an object, a list or a watch; undefined when none is served (406). */
export function negotiateForm(accept: string | undefined): Form | undefined {
  if (accept === undefined || accept === "") return "object";
  for (const { type, parameters } of parseAccept(accept)) {
    if (!isJson(type)) continue;
    const as = parameters.get("as");
    if (as === undefined) return "object";
    if (parameters.get("g") !== "meta.k8s.io" || parameters.get("v") !== "v1") continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "partial";
  }
  return undefined;
}

/** Which aggregated discovery document is asked for; "legacy" when none. */
export function negotiateDiscovery(accept: string | undefined): "v2" | "v2beta1" | "legacy" {
  for (const { type, parameters } of parseAccept(accept ?? "")) {
    if (!isJson(type)) continue;
    const as = parameters.get("as");
    if (as === undefined) return "legacy";
    if (as !== "APIGroupDiscoveryList" || parameters.get("g") !== "apidiscovery.k8s.io") continue;
    const version = parameters.get("v");
    if (version === "v2" || version === "v2beta1") return version;
  }
  return "legacy";
}

function isJson(type: string): boolean {
  return type === "application/json" || type === "application/*" || type === "*/*";
}
