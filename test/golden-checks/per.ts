/** @file Prioritized replay against cpprb: a script of adds and updates, then probabilities, weights and the largest priority. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { PrioritizedReplay } from "../../trainer/replay/replay.js";
import type { GoldenCheck } from "./check.js";

interface Script {
  readonly capacity: number;
  readonly alpha: number;
  readonly eps: number;
  readonly script: readonly (
    | { readonly op: "add"; readonly values: readonly number[]; readonly priorities?: readonly number[] }
    | { readonly op: "update"; readonly indices: readonly number[]; readonly priorities: readonly number[] }
  )[];
  readonly stages: readonly {
    readonly after: string;
    readonly script_length: number;
    readonly stored_size: number;
    readonly max_priority: number;
    readonly probabilities: readonly number[];
    readonly weights: Readonly<Record<string, readonly number[]>>;
  }[];
}

const TOLERANCE = 1e-6;

export const check: GoldenCheck = async (directory) => {
  const golden = JSON.parse(await readFile(path.join(directory, "per.json"), "utf8")) as Script;
  const replay = new PrioritizedReplay({
    kind: "prioritized",
    capacity: golden.capacity,
    schema: { value: { type: "int32", width: 1 } },
    priorityExponent: golden.alpha,
    priorityOffset: golden.eps,
  });
  const failures: string[] = [];
  let compared = 0;
  const compare = (what: string, actual: number, expected: number): void => {
    compared++;
    if (!(Math.abs(actual - expected) <= TOLERANCE)) failures.push(`${what}: ${actual}, expected ${expected}`);
  };
  let done = 0;
  for (const stage of golden.stages) {
    for (; done < stage.script_length; done++) {
      const entry = golden.script[done];
      if (entry?.op === "add") {
        replay.add({ value: Int32Array.from(entry.values) }, entry.values.length, entry.priorities);
      } else if (entry?.op === "update") replay.update(Int32Array.from(entry.indices), entry.priorities);
    }
    compare(`${stage.after}: rows`, replay.size, stage.stored_size);
    compare(`${stage.after}: largest priority`, replay.largestError, stage.max_priority);
    stage.probabilities.forEach((expected, index) => {
      compare(`${stage.after}: P(${index})`, replay.probability(index), expected);
    });
    for (const [beta, weights] of Object.entries(stage.weights)) {
      weights.forEach((expected, index) => {
        compare(`${stage.after}: weight(${index}) at ${beta}`, replay.weight(index, Number(beta)), expected);
      });
    }
  }
  return { compared, failures };
};
