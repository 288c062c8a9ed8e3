/**
 * @file Temporary heads for pre-training and their losses: they read objects and positions from a vision tower's
 * tokens.
 */
import {
  add,
  binaryCrossEntropy,
  divide,
  maximum,
  mean,
  multiply,
  reshape,
  slice,
  smoothL1,
  sum,
  type Value,
} from "../../graph/index.js";
import { axis } from "../layers/axes.js";
import { linearLayer } from "../layers/linear.js";
import type { Scope } from "../layers/scope.js";

const DENSE_PRESENCE = 4;
const DENSE_COORDINATES = 0.5;

/** A linear head with its parameters beside the model's. */
export const head = (scope: Scope, name: string, x: Value, outputs: number): Value =>
  linearLayer(scope, `head.${name}`, x, outputs);

export const isHead = (name: string): boolean => name.startsWith("head.");

/** Mean of `values` where `mask` is 1. */
export const masked = (values: Value, mask: Value): Value => divide(sum(multiply(values, mask)), maximum(sum(mask), 1));

/** Mean smooth distance over the three coordinates. */
export const distance = (prediction: Value, target: Value): Value => mean(smoothL1(prediction, target), -1);

export interface PatchLabels {
  /** [images, names, 3], standardized. */
  readonly coordinates: Value;
  /** [images, patches, names]: 1 where the object covers enough of the patch. */
  readonly covered: Value;
}

/** Reads from each patch's token [images, patches, width] which objects cover the patch, and where those are. */
export function denseLoss(scope: Scope, tokens: Value, { coordinates, covered }: PatchLabels): Value {
  const [images, names] = [axis(coordinates, 0), axis(coordinates, 1)];
  const read = head(scope, "dense", tokens, names * 4);
  const presence = mean(binaryCrossEntropy(slice(read, 2, 0, names), covered));
  const places = reshape(slice(read, 2, names, names * 4), [images, -1, names, 3]);
  const near = masked(distance(places, reshape(coordinates, [images, 1, names, 3])), covered);
  return add(multiply(presence, DENSE_PRESENCE), multiply(near, DENSE_COORDINATES));
}
