/** The thread of {@link PeerLinks}: opens as many links as it is told, says where they are, and follows orders. */
import { parentPort, workerData } from "node:worker_threads";
import { PeerLink } from "./peer-link.ts";
import type { LinkOrder } from "./peer-links.ts";

const links = await Promise.all(
  Array.from({ length: workerData as number }, () => PeerLink.open()),
);
parentPort?.on("message", (order: LinkOrder) => {
  const link = links[order.link];
  if (order.kind === "leadTo") link?.leadTo(order.port);
  else if (order.kind === "cut") link?.cut();
  else link?.heal();
});
parentPort?.postMessage(links.map(({ url }) => url));
