/** To whom a leader hands its leadership that cannot lead, because its store is wrong. Pure. */
import { type EngineStatus, isElectable, type NodeId } from "@flotilla/consensus";

/**
 * In each term the next of all voters, or whoever follows it: there may be others like this one, and none
 * can tell. The turn must not depend on who leads, or two of them may hand it to and fro for ever.
 * Undefined when this server does not lead, or streams to none that may.
 */
export function nextInTurn({
  role,
  term,
  configuration,
  progress,
}: EngineStatus): NodeId | undefined {
  if (role !== "leader") return undefined;
  const { voters } = configuration;
  const turn = term % voters.length;
  const able = [...voters.slice(turn), ...voters.slice(0, turn)].find(
    ({ id }) => progress.get(id)?.state === "replicate" && isElectable(configuration, id),
  );
  return able?.id;
}
