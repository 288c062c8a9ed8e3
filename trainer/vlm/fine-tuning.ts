/** @file Fine-tuning options from a run's settings. */
import type { Vocabulary } from "../language/index.js";
import type { Configuration } from "../settings/configuration.js";
import { patternEntries } from "../settings/settings.js";
import type { FineTuning, PhrasingChanges } from "./model.js";
import { ALL_LINEAR, type TargetModules } from "./weights/lora.js";

type Settings = Pick<
  Configuration,
  | "fineTuning"
  | "loraRank"
  | "loraAlpha"
  | "loraTargets"
  | "loraDropout"
  | "loraRankStabilized"
  | "loraRankPattern"
  | "loraAlphaPattern"
  | "learningRate"
  | "weightDecay"
  | "gradientClip"
  | "warmupSteps"
  | "accumulation"
  | "objective"
  | "seed"
>;

/** Names with commas are a list; anything else is a regular expression, as PEFT treats a string. */
export function parseTargets(text: string): TargetModules | null {
  if (text === "") return null;
  return text !== ALL_LINEAR && /^[\w.]+(?:,[\w.]+)*$/.test(text) ? text.split(",") : text;
}

/** The fine-tuning options for `openModel`. */
export const fineTuningOf = (settings: Settings): FineTuning => ({
  method: settings.fineTuning,
  rank: settings.loraRank,
  alpha: settings.loraAlpha,
  targets: parseTargets(settings.loraTargets),
  rankStabilized: settings.loraRankStabilized,
  dropout: settings.loraDropout,
  rankPattern: patternEntries(settings.loraRankPattern),
  alphaPattern: patternEntries(settings.loraAlphaPattern),
  learningRate: settings.learningRate,
  weightDecay: settings.weightDecay,
  gradientClip: settings.gradientClip,
  warmupSteps: settings.warmupSteps,
  accumulation: settings.accumulation,
  objective: settings.objective,
  seed: settings.seed,
});

/** The templates in the settings that replace the architecture's, and a vocabulary's words. */
export const phrasingOf = (
  { prompt, answer }: Pick<Configuration, "prompt" | "answer">,
  vocabulary?: Vocabulary,
): PhrasingChanges => ({
  ...(prompt === "" ? {} : { prompt }),
  ...(answer === "" ? {} : { answer }),
  ...(vocabulary === undefined ? {} : { vocabulary }),
});
