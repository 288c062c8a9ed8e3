/**
 * @file Chooses the rows for validation: whole iterations, or all runs of a seed, so that training sees nothing of
 * them.
 */
import { InputError } from "../errors.js";
import type { Split } from "./row.js";
import type { ExportedRun } from "./runs.js";

/** A run's seed and iteration determine its layouts, so the two splits share none. */
export type Validation =
  | { readonly by: "iterations" | "seeds"; readonly numbers: ReadonlySet<number> }
  | { readonly by: "nothing" };

export function splitOf({ by, ...rest }: Validation, { seed }: Pick<ExportedRun, "seed">, iteration: number): Split {
  const held = "numbers" in rest && rest.numbers.has(by === "seeds" ? seed : iteration);
  return held ? "validation" : "train";
}

/** @throws InputError for iterations or seeds that do not exist, or where nothing is left for training */
export function checkValidation(validation: Validation, seeds: readonly number[], iterations: readonly number[]): void {
  if (validation.by === "nothing") return;
  const { by, numbers } = validation;
  const there = [...new Set(by === "seeds" ? seeds : iterations)].sort((a, b) => a - b);
  const missing = [...numbers].find((number) => !there.includes(number));
  if (missing !== undefined) {
    throw new InputError(`--validation-${by}: there is no ${by.slice(0, -1)} ${missing}, but ${listed(there)}`);
  }
  if (numbers.size === there.length) {
    throw new InputError(
      `--validation-${by}: takes all of ${listed(there)}, and nothing is left to train on; name fewer`,
    );
  }
}

const MOST_LISTED = 20;
const listed = (numbers: readonly number[]): string =>
  numbers.length > MOST_LISTED ? `${numbers.slice(0, MOST_LISTED).join(", ")}, …` : numbers.join(", ");
