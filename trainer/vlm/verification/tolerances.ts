/** @file How far a model may be from its reference numbers: about ten times what float32 alone explains. */

/** Tolerances that differ between architectures. */
export interface Tolerances {
  /** For the stages of a network. */
  readonly block: number;
  /** For features that are not normalized. */
  readonly features: number;
  readonly loss: number;
}

/** Tolerances that all architectures share. */
export const TOLERANCE = {
  pixels: 1e-6,
  embedding: 1e-5,
  logits: 1e-4,
  runLoss: 5e-5,
  merged: 5e-6,
};
/** Absolute, and relative to the gradient. */
export const GRADIENT = { absolute: 1e-4, relative: 1e-3 };
/**
 * Adam turns a gradient that is pure rounding error into a full step, so entries with a tiny first gradient have a
 * loose tolerance.
 */
export const WEIGHT = { usual: 5e-6, tiny: 6e-3, tinyGradient: 1e-5 };
