/** What every cluster has from its first moment: the namespaces, and the service of the API itself. */
import {
  type KubeObject,
  type Namespace,
  namespaces,
  type Resource,
  type Service,
  services,
} from "@flotilla/objects";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./errors.ts";
import { createObject, type WriteRequest } from "./registry/create.ts";
import { finishNamespaces } from "./registry/namespace-end.ts";

const initialNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
/** The first address of the range, as in every Kubernetes cluster. */
const apiClusterIp = "10.96.0.1";
const apiPort = 6443;

/**
 * Creates what is missing, and finishes namespaces whose deletion a dead member left behind. For a
 * new leader; doing it again changes nothing. Throws `FencedError` when its term is over.
 */
export async function bootstrap(api: KubeApi, request: WriteRequest = {}): Promise<void> {
  for (const name of initialNamespaces) {
    const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    await ensure(api, namespaces, undefined, namespace, request);
  }
  await ensure(api, services, "default", apiService(), request);
  await finishNamespaces(api.context, request);
}

function apiService(): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      clusterIP: apiClusterIp,
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: apiPort }],
    },
  };
}

async function ensure(
  api: KubeApi,
  resource: Resource,
  namespace: string | undefined,
  object: KubeObject,
  request: WriteRequest,
): Promise<void> {
  try {
    await createObject(api.context, { resource, namespace }, object, request);
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
  }
}
