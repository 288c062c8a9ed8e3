/** @file Model directories with golden/: against PyTorch, transformers and PEFT, as `rls3 vlm verify` does it. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ARCHITECTURES } from "../../trainer/vlm/architectures.js";
import { verify } from "../../trainer/vlm/verification/index.js";
import type { GoldenCheck } from "./check.js";

/** Whether a folder holds a model whose architecture is implemented, whatever the folder's name. */
export function isKnownModel(folder: string): boolean {
  const config = path.join(folder, "config.json");
  if (!existsSync(config)) return false;
  const { model_type } = JSON.parse(readFileSync(config, "utf8")) as { model_type: string };
  return ARCHITECTURES.some(({ name }) => name === model_type);
}

export const check: GoldenCheck = verify;
