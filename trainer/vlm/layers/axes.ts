/** @file Lengths of a value's axes. */
import { at } from "../../at.js";
import type { Value } from "../../graph/index.js";

export const axis = ({ shape }: Value, index: number): number => at(shape, index);

export const lastAxis = ({ shape }: Value): number => at(shape, shape.length - 1);
