/**
 * @file Overlap of boxes rotated about the vertical axis, rounded to the rules' millimetres and 2^-14, against FCL's
 * labels.
 */
import path from "node:path";
import { boxesOverlap, type UprightBox } from "../../trainer/rooms/index.js";
import type { GoldenCheck } from "./check.js";
import { goldenTensor, readGoldenTensors } from "./safetensors.js";

/** Metres: if boxes are nearer than this to touching, rounding may decide. */
const MARGIN = 0.003;

export const check: GoldenCheck = async (directory) => {
  const tensors = await readGoldenTensors(path.join(directory, "pairs.safetensors"));
  const data = (name: string) => goldenTensor(tensors, name).data;
  const [yawOnly, overlap, gap] = [data("yaw_only"), data("overlap"), data("axis_gap")];
  const box = (which: "a" | "b", pair: number): UprightBox => {
    const rotation = data(`rotation_${which}`);
    const millimetres = (name: string, axis: number): number =>
      Math.round((data(`${name}_${which}`)[3 * pair + axis] ?? Number.NaN) * 1000);
    const scaled = (row: number, column: number): number =>
      Math.round((rotation[9 * pair + 3 * row + column] ?? Number.NaN) * 2 ** 14);
    // Doubled, so that half of an odd height is whole: overlap does not depend on the unit.
    return {
      x: 2 * millimetres("position", 0),
      y: 2 * millimetres("position", 1) - millimetres("size", 1),
      z: 2 * millimetres("position", 2),
      sizeX: 2 * millimetres("size", 0),
      sizeY: 2 * millimetres("size", 1),
      sizeZ: 2 * millimetres("size", 2),
      cosine: scaled(0, 0),
      sine: scaled(0, 2),
    };
  };
  const failures: string[] = [];
  let compared = 0;
  for (let pair = 0; pair < yawOnly.length; pair++) {
    if (yawOnly[pair] !== 1 || Math.abs(gap[pair] ?? 0) <= MARGIN) continue;
    compared += 1;
    const found = boxesOverlap(box("a", pair), box("b", pair));
    if (found !== (overlap[pair] === 1)) failures.push(`pair ${pair}: overlap is ${found}, at axis_gap ${gap[pair]} m`);
  }
  return { compared, failures };
};
