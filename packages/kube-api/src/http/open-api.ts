/**
 * OpenAPI: version 3 per group, which kubectl validates with; version 2 as an empty document, which
 * makes it leave validation of lists to the server.
 *
 * The address of each document carries its hash, so that a client keeps it for good.
 */
import { createHash } from "node:crypto";
import { openApiV3 } from "@flotilla/objects";
import { groupVersions } from "./discovery.ts";
import { type ApiResponse, json, jsonText, text } from "./message.ts";

interface Document {
  readonly body: string;
  readonly hash: string;
}

/** The documents, made once when they are first asked for. */
export class OpenApi {
  readonly #documents = new Map<string, Document>();

  /** "/openapi/v3": where the documents are. */
  index(): ApiResponse {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const groupVersion of groupVersions()) {
      const path = pathOf(groupVersion);
      const document = this.#document(groupVersion);
      if (document === undefined) continue;
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${document.hash}` };
    }
    return json(200, { paths });
  }

  /** "/openapi/v3/apis/apps/v1". `path` is what follows "/openapi/v3/". */
  document(path: string, query: URLSearchParams, ifNoneMatch: string | undefined): ApiResponse {
    const groupVersion = groupVersions().find((candidate) => pathOf(candidate) === path);
    const document = groupVersion === undefined ? undefined : this.#document(groupVersion);
    if (document === undefined) return text(404, "404 page not found\n");
    const etag = `"${document.hash}"`;
    const asked = query.get("hash");
    if (asked !== null && asked !== document.hash) {
      const location = `/openapi/v3/${path}?hash=${document.hash}`;
      return { status: 301, headers: { location }, body: "" };
    }
    const headers = {
      etag,
      vary: "Accept",
      ...(asked === null
        ? {}
        : {
            "cache-control": "public, immutable",
            expires: "Fri, 31 Dec 2099 23:59:59 GMT",
          }),
    };
    if (ifNoneMatch === etag) return { status: 304, headers, body: "" };
    return jsonText(200, document.body, headers);
  }

  /** "/openapi/v2". */
  empty(): ApiResponse {
    const type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    return { status: 200, headers: { "content-type": type }, body: "" };
  }

  #document(groupVersion: string): Document | undefined {
    const known = this.#documents.get(groupVersion);
    if (known !== undefined) return known;
    const content = openApiV3(groupVersion);
    if (content === undefined) return undefined;
    const body = JSON.stringify(content);
    const hash = createHash("sha256").update(body).digest("hex").toUpperCase();
    const document = { body, hash };
    this.#documents.set(groupVersion, document);
    return document;
  }
}

function pathOf(groupVersion: string): string {
  return groupVersion.includes("/") ? `apis/${groupVersion}` : `api/${groupVersion}`;
}
