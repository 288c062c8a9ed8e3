/** @file Model directories with golden/: against PyTorch, transformers and PEFT, as `rls3 vlm verify` does it. */
import { verify } from "../../trainer/vlm/verification/index.js";
import type { GoldenCheck } from "./check.js";

export const check: GoldenCheck = verify;
