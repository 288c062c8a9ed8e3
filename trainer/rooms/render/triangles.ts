/**
 * @file Scan conversion: draws triangles onto a grid of samples with a depth buffer of 1/depth (larger is nearer).
 * Vertices and samples are read with casts, which cost nothing: these are the innermost loops, and rectangles are
 * clipped to the grid.
 */

/** A square grid of samples. */
export interface Grid {
  readonly width: number;
  /** 1/depth of the nearest surface; 0 where there is none. */
  readonly inverseDepth: Float32Array;
  /** The nearest surface: red·2^16 + green·2^8 + blue, or the number of a triangle. */
  readonly value: Int32Array;
}

/** Part of a grid: columns from x0 up to but not including x1, and rows likewise. */
export interface Rectangle {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/**
 * Draws every triangle that faces the camera. `screen` has x, y, 1/depth of each vertex. `shades` has red, green and
 * blue of each vertex (0 to 255, interpolated over the screen); if undefined, writes `firstNumber` + the triangle's
 * number.
 */
export function drawTriangles(
  grid: Grid,
  screen: Float64Array,
  triangles: Int32Array,
  shades: Float64Array | undefined,
  firstNumber = 0,
): void {
  const { width, inverseDepth, value } = grid;
  for (let corner = 0; corner < triangles.length; corner += 3) {
    const a = 3 * (triangles[corner] as number);
    const b = 3 * (triangles[corner + 1] as number);
    const c = 3 * (triangles[corner + 2] as number);
    const ax = screen[a] as number;
    const ay = screen[a + 1] as number;
    const aw = screen[a + 2] as number;
    const bx = screen[b] as number;
    const by = screen[b + 1] as number;
    const bw = screen[b + 2] as number;
    const cx = screen[c] as number;
    const cy = screen[c + 1] as number;
    const cw = screen[c + 2] as number;
    // Rows grow downwards, so a counter-clockwise triangle has a negative area here.
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area >= 0 || aw === 0 || bw === 0 || cw === 0) continue;
    const x0 = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
    const x1 = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const y0 = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
    const y1 = Math.min(width - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    if (x0 > x1 || y0 > y1) continue;
    const scale = 1 / area;
    // Barycentric coordinates of b and c, linear over the screen: u = u0 + x·ux + y·uy.
    const ux = (cy - ay) * scale;
    const uy = -(cx - ax) * scale;
    const vx = -(by - ay) * scale;
    const vy = (bx - ax) * scale;
    const wx = ux * (bw - aw) + vx * (cw - aw);
    for (let y = y0; y <= y1; y++) {
      const dx = x0 + 0.5 - ax;
      const dy = y + 0.5 - ay;
      let u = dx * ux + dy * uy;
      let v = dx * vx + dy * vy;
      let w = aw + u * (bw - aw) + v * (cw - aw);
      let at = y * width + x0;
      for (let x = x0; x <= x1; x++, at++, u += ux, v += vx, w += wx) {
        if (u < 0 || v < 0 || u + v > 1 || w <= (inverseDepth[at] as number)) continue;
        inverseDepth[at] = w;
        if (shades === undefined) {
          value[at] = firstNumber + corner / 3;
          continue;
        }
        const t = 1 - u - v;
        const red = t * (shades[a] as number) + u * (shades[b] as number) + v * (shades[c] as number);
        const green = t * (shades[a + 1] as number) + u * (shades[b + 1] as number) + v * (shades[c + 1] as number);
        const blue = t * (shades[a + 2] as number) + u * (shades[b + 2] as number) + v * (shades[c + 2] as number);
        value[at] = (red << 16) | (green << 8) | blue;
      }
    }
  }
}
