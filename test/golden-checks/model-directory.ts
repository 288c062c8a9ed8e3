/** @file Model directories with golden/, compared with PyTorch, transformers and PEFT like `rls3 vlm verify` does. */
import { verify } from "../../trainer/vlm/verification/index.js";
import type { GoldenCheck } from "./check.js";

export const check: GoldenCheck = verify;
