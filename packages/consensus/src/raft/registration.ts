/**
 * The leader writes down the incarnations that servers tell, so that a disk that is lost is noticed
 * by whoever hears another incarnation under the same id (trap T18).
 */
import { withIncarnations } from "../configuration-change.ts";
import type { Leadership } from "./leadership.ts";
import { beginChange, heardIncarnations, refusalNow } from "./membership.ts";
import type { Server } from "./server.ts";

/** Registers what was heard and is not known, all in one change, as soon as one may begin. */
export function registerIncarnations(server: Server, leadership: Leadership): void {
  if (!hasNews(server, leadership) || refusalNow(server, leadership) !== undefined) return;
  const heard = heardIncarnations(server, leadership);
  beginChange(server, leadership, withIncarnations(server.configuration, heard));
}

function hasNews(server: Server, leadership: Leadership): boolean {
  const { roster } = server;
  const isNews = (id: string, incarnation: number): boolean =>
    incarnation !== 0 && roster.incarnationOf(id) === 0 && roster.servers.has(id);
  if (isNews(server.id, server.incarnation)) return true;
  for (const [id, { incarnation }] of leadership.progress) {
    if (isNews(id, incarnation)) return true;
  }
  return false;
}
