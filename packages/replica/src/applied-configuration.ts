/** Who takes part as of what is applied: found in a recovered log. Pure. */
import { type Configuration, decodeConfiguration, type EngineState } from "@flotilla/consensus";

/**
 * The configuration in force at `appliedIndex`. Not the newest one of the log, which may not be
 * committed and can be rolled back.
 */
export function appliedConfiguration(state: EngineState): Configuration {
  let { configuration } = state.snapshot;
  for (const { index, kind, data } of state.entries) {
    if (index > state.appliedIndex) break;
    if (kind === "config") configuration = decodeConfiguration(data) ?? configuration;
  }
  return configuration;
}
