/** @file Which analyses there are, by the name that an experiment's file gives, and what each is handed. */
import { InputError } from "../../../trainer/errors.js";
import type { Progress } from "../../../trainer/rls3/progress.js";
import type { Cell } from "../cells.js";
import type { Experiment } from "../definition.js";
import type { Outcome } from "../outcome.js";
import { effects } from "./effects.js";
import { efficiency } from "./efficiency.js";
import { hardest } from "./hardest.js";
import { levels } from "./levels.js";
import { natural } from "./natural.js";
import { planted } from "./planted.js";
import { terms } from "./terms.js";
import { transfer } from "./transfer.js";

/** All runs are done when an analysis is called. */
export interface Context {
  readonly experiment: Experiment;
  readonly cells: readonly Cell[];
  /** The folder of all experiments: what analyses make and keep goes under it. */
  readonly folder: string;
  readonly quick: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

export type Analysis = (context: Context) => Promise<Outcome>;

const ANALYSES: Readonly<Record<string, Analysis>> = {
  levels,
  effects,
  terms,
  natural,
  transfer,
  planted,
  hardest,
  efficiency,
};

export function analysisNamed(name: string): Analysis {
  const found = ANALYSES[name];
  if (found === undefined) {
    throw new InputError(`there is no analysis "${name}" (${Object.keys(ANALYSES).join(", ")})`);
  }
  return found;
}
