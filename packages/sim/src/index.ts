export {
  checkLeases,
  checkLinearizable,
  checkSerials,
  checkWatches,
  type Input,
  type KeyEvent,
  type LeaseCall,
  type LeaseHistory,
  type Moment,
  type Operation,
  type Output,
  type Revision,
  storeModel,
  type WatchBatch,
  type WatchedEvent,
} from "./checkers/index.ts";
export type { RunViolation } from "./run/referee.ts";
export type { RunOptions, RunResult } from "./run/run.ts";
export { runScenario } from "./run/run.ts";
export type { TraceLine } from "./run/trace.ts";
export {
  drawScenario,
  type Feature,
  features,
  type ScenarioLimits,
} from "./scenario/draw-scenario.ts";
export {
  type ClientOperation,
  type Fault,
  faultKinds,
  type Scenario,
  type ScenarioChange,
  type ScenarioOptions,
  type ScenarioServer,
} from "./scenario/scenario.ts";
export {
  type DecodedScenario,
  decodeSavedScenario,
  encodeSavedScenario,
  type SavedScenario,
} from "./shrink/saved-scenario.ts";
export {
  type RunToShrink,
  type Shrunk,
  shrink,
  shrinkRunsMax,
} from "./shrink/shrink.ts";
export type { Fact } from "./story/fact.ts";
export { type StoryOptions, type ToldRun, tellStory } from "./story/story.ts";
