/** @file Linear layers and layer normalization, by their paths in the module tree. */
import { layerNormalization, linear, reshape, type Value } from "../../graph/index.js";
import { lastAxis } from "./axes.js";
import type { Scope } from "./scope.js";

/** x · Wᵀ + b: [rows, inputs] → [rows, outputs]. */
export function linearLayer(scope: Scope, path: string, x: Value, outputs: number): Value {
  return linear(x, scope.weight(path, outputs, lastAxis(x)), scope.parameter(`${path}.bias`, [outputs]), {
    transB: true,
  });
}

/** x · Wᵀ, for layers without a bias. */
export const projection = (scope: Scope, path: string, x: Value, outputs: number): Value =>
  linear(x, scope.weight(path, outputs, lastAxis(x)), undefined, { transB: true });

export function norm(scope: Scope, path: string, x: Value, epsilon: number): Value {
  const shape = [lastAxis(x)];
  return layerNormalization(
    x,
    scope.parameter(`${path}.weight`, shape),
    scope.parameter(`${path}.bias`, shape),
    epsilon,
  );
}

/**
 * A convolution with stride equal to its size, over patches [batch, patches, 3 · patch²] in its kernel's order: [batch,
 * patches, width].
 */
export function patchEmbedding(
  scope: Scope,
  path: string,
  patches: Value,
  { width, patch, bias }: { width: number; patch: number; bias: boolean },
): Value {
  const kernel = reshape(scope.parameter(`${path}.weight`, [width, 3, patch, patch]), [width, -1]);
  return linear(patches, kernel, bias ? scope.parameter(`${path}.bias`, [width]) : undefined, { transB: true });
}
