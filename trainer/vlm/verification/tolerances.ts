/** @file How far a model may be from its reference numbers: what float32 alone explains, with a margin of about ten. */

/** Those that differ between architectures. */
export interface Tolerances {
  /** Of the stages of a network. */
  readonly block: number;
  /** Of features that are not normalised. */
  readonly features: number;
  readonly loss: number;
}

/** Those that do not. */
export const TOLERANCE = {
  pixels: 1e-6,
  embedding: 1e-5,
  logits: 1e-4,
  runLoss: 5e-5,
  merged: 5e-6,
};
/** Absolute, and relative to the gradient. */
export const GRADIENT = { absolute: 1e-4, relative: 1e-3 };
/** Adam turns a gradient that is all rounding into a full step, so entries with a tiny first gradient are held loosely. */
export const WEIGHT = { usual: 5e-6, tiny: 6e-3, tinyGradient: 1e-5 };
