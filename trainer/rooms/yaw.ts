/** @file The yaw table: cosines and sines as integers scaled by 2^14. The rules use no other angles. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { catalogFolder } from "./catalog-folder.js";

interface YawTable {
  readonly scale: number;
  readonly steps: number;
  readonly cosine: readonly number[];
  readonly sine: readonly number[];
}

const table = JSON.parse(readFileSync(path.join(catalogFolder, "yaw.json"), "utf8")) as YawTable;

/** 2^14, the scale of the table's entries. */
export const YAW_SCALE = table.scale;

/** Cosine of step `yaw` of `yawSteps`, scaled by 2^14. */
export function yawCosine(yaw: number, yawSteps: number): number {
  return entryAt(table.cosine, yaw, yawSteps);
}

/** Sine of step `yaw` of `yawSteps`, scaled by 2^14. */
export function yawSine(yaw: number, yawSteps: number): number {
  return entryAt(table.sine, yaw, yawSteps);
}

function entryAt(entries: readonly number[], yaw: number, yawSteps: number): number {
  const entry = entries[yaw * (table.steps / yawSteps)];
  if (entry === undefined) throw new RangeError(`there is no yaw step ${yaw} of ${yawSteps}`);
  return entry;
}
