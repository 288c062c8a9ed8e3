/** @file The analyses, by the name in an experiment's file. */
import { InputError } from "../../../trainer/errors.js";
import type { Analysis } from "./analysis.js";
import { claim } from "./claim.js";
import { effects } from "./effects.js";
import { efficiency } from "./efficiency.js";
import { hardest } from "./hardest.js";
import { heldOut } from "./held-out.js";
import { levels } from "./levels.js";
import { natural } from "./natural.js";
import { planted } from "./planted.js";
import { terms } from "./terms.js";
import { transfer } from "./transfer.js";

const ANALYSES: Readonly<Record<string, Analysis>> = {
  levels,
  effects,
  terms,
  natural,
  transfer,
  planted,
  hardest,
  "held-out": heldOut,
  claim,
  efficiency,
};

export function analysisNamed(name: string): Analysis {
  const found = ANALYSES[name];
  if (found === undefined) {
    throw new InputError(`there is no analysis "${name}" (${Object.keys(ANALYSES).join(", ")})`);
  }
  return found;
}
