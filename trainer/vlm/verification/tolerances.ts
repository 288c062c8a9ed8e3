/** @file How far a CLIP may be from its reference numbers: what float32 alone explains, with a margin of about ten. */
/** Largest differences that a correct float32 implementation shows. */
export const TOLERANCE = {
  pixels: 1e-6,
  block: 1e-4,
  embedding: 1e-5,
  logits: 1e-4,
  loss: 1e-5,
  runLoss: 5e-5,
  merged: 5e-6,
};
/** Absolute, and relative to the gradient. */
export const GRADIENT = { absolute: 1e-4, relative: 1e-3 };
/** Adam turns a gradient that is all rounding into a full step, so entries with a tiny first gradient are held loosely. */
export const WEIGHT = { usual: 5e-6, tiny: 6e-3, tinyGradient: 1e-5 };
