/** @file stub */
import type { RuntimeOptions } from "../../graph/index.js";
import type { Verification } from "../verification/comparison.js";
import type { GenerativeNetwork } from "./network.js";
export async function verifyGenerative(_d: string, _n: GenerativeNetwork, _r: RuntimeOptions): Promise<Verification> {
  return { compared: 0, failures: [] };
}
