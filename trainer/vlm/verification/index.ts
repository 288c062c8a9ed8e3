/** @file Compares a model directory with reference numbers. */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../errors.js";
import type { RuntimeOptions } from "../../graph/index.js";
import { architectureIn } from "../architectures.js";
import type { Verification } from "./comparison.js";

/** Compares a model directory with the reference numbers in its golden folder, on any device. */
export async function verify(
  directory: string,
  runtime: RuntimeOptions = { device: "cpu", threads: 1 },
): Promise<Verification> {
  const architecture = architectureIn(directory);
  if (!existsSync(path.join(directory, "golden", "meta.json"))) {
    throw new InputError(`${directory} has no golden/meta.json: reference numbers lie in a folder of that name`);
  }
  return architecture.verify(directory, runtime);
}

export type { Verification };
