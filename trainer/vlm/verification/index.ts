/** @file Which architectures have a comparison with reference numbers, and running it. */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../errors.js";
import type { RuntimeOptions } from "../../graph/index.js";
import { architectureOf } from "../directory.js";
import { verifyClip } from "./clip.js";
import type { Verification } from "./comparison.js";

const VERIFIED: Readonly<Record<string, (directory: string, runtime: RuntimeOptions) => Promise<Verification>>> = {
  clip: verifyClip,
};

/** Compares a model directory with the reference numbers in its golden folder, on any device. */
export async function verify(
  directory: string,
  runtime: RuntimeOptions = { device: "cpu", threads: 1 },
): Promise<Verification> {
  const architecture = architectureOf(directory, Object.keys(VERIFIED));
  if (!existsSync(path.join(directory, "golden", "meta.json"))) {
    throw new InputError(`${directory} has no golden/meta.json: reference numbers lie in a folder of that name`);
  }
  const run = VERIFIED[architecture];
  if (run === undefined) throw new InputError(`${architecture} has no comparison with reference numbers`);
  return run(directory, runtime);
}

export type { Verification };
