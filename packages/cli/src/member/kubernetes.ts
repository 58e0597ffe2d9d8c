/** The Kubernetes side of a member: its API, at its own address and a shared one, and the control plane. */
import { readFileSync } from "node:fs";
import type { Logger, Random } from "@flotilla/base";
import { keepToQuota } from "@flotilla/etcd-api";
import { createKubeApi, memberStorage, type ServeOptions } from "@flotilla/kube-api";
import type { RunningMember } from "@flotilla/member";
import { runControlPlane } from "../control-plane.ts";
import { serveAt, serveShared } from "../serve-api.ts";
import type { FlagValues } from "./flag-values.ts";
import { FlagsError } from "./settings.ts";
import { type Binding, bindingOf } from "./urls.ts";

/** Opens it when the flags ask for it. Returns how to close each part, in the order of opening. */
export async function openKubernetes(
  values: FlagValues,
  deps: { readonly member: RunningMember; readonly random: Random; readonly logger: Logger },
): Promise<(() => Promise<void>)[]> {
  const { member, random, logger } = deps;
  if (values.text("api-listen-url") === "") return [];
  const own = addressOf(values, "api-listen-url");
  // The quota is kept where writes come in: this is one of two doors.
  const quotaBackendBytes = values.number("quota-backend-bytes");
  const storage = memberStorage(keepToQuota(member, { quotaBackendBytes, logger }));
  const api = createKubeApi({ storage, random, logger });
  const serve = { api, ...tlsOf(values, own) };
  const closers = [await serveAt({ ...serve, host: own.host, port: own.port })];
  if (values.text("api-shared-url") !== "") {
    const { host, port } = addressOf(values, "api-shared-url");
    closers.push(serveShared({ ...serve, host, port }, logger));
  }
  closers.push(runControlPlane({ member, api, random, logger }));
  return closers;
}

function tlsOf(values: FlagValues, own: Binding): Pick<ServeOptions, "tls" | "defaultUser"> {
  const [certFile, keyFile] = [values.textIfAny("api-cert-file"), values.textIfAny("api-key-file")];
  if (certFile === undefined || keyFile === undefined) {
    // Plain HTTP carries no credentials: whoever reaches the address is let in.
    if (!own.isSecure) return { defaultUser: { name: "admin", groups: ["system:masters"] } };
    throw new FlagsError(
      "--api-listen-url with https needs --api-cert-file and --api-key-file: `flotilla up` makes such files in <data-dir>/pki",
    );
  }
  const caFile = values.textIfAny("api-client-ca-file");
  const read = (path: string): string => readFileSync(path, "utf8");
  return {
    tls: {
      cert: read(certFile),
      key: read(keyFile),
      ...(caFile === undefined ? {} : { clientCa: read(caFile) }),
    },
  };
}

function addressOf(values: FlagValues, flag: string): Binding {
  const url = values.text(flag);
  if (/^https?:\/\/(\[[^\]]+\]|[^:/]+):\d+$/.test(url)) return bindingOf(url);
  throw new FlagsError(
    `--${flag} takes one URL like https://127.0.0.1:6443, got ${JSON.stringify(url)}`,
  );
}
