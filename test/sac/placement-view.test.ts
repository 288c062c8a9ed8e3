/**
 * @file The object-centric view of SAC, computed here in plain numbers, against the environment's own decoding of an
 * action.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { decodePlacement, observationWidth, writeObservation } from "../../trainer/sac/agent-world.js";
import {
  actorView,
  actorViewWidth,
  criticView,
  criticViewWidth,
  type Operations,
} from "../../trainer/sac/placement-view.js";
import { drawObservation, world } from "./world.js";

type Row = readonly number[];

const each = (a: Row, b: Row | number, of: (x: number, y: number) => number): number[] => {
  const width = typeof b === "number" ? a.length : Math.max(a.length, b.length);
  const at = (row: Row | number, i: number): number =>
    typeof row === "number" ? row : ((row.length === 1 ? row[0] : row[i]) ?? Number.NaN);
  return Array.from({ length: width }, (_, i) => of(at(a, i), at(b, i)));
};

/** One row at a time. */
const numbers: Operations<Row> = {
  columns: (x, first, end) => x.slice(first, end),
  join: (parts) => parts.flat(),
  add: (a, b) => each(a, b, (x, y) => x + y),
  multiply: (a, b) => each(a, b, (x, y) => x * y),
  project: (x, matrix) =>
    Array.from({ length: matrix[0]?.length ?? 0 }, (_, column) =>
      x.reduce((sum, value, row) => sum + value * (matrix[row]?.[column] ?? Number.NaN), 0),
    ),
  clip: (x, low, high) => x.map((value) => Math.min(high, Math.max(low, value))),
  abs: (x) => x.map(Math.abs),
  sin: (x) => x.map(Math.sin),
  cos: (x) => x.map(Math.cos),
};

const { activeObjects, lengthUnit, objectSizes, sceneCount } = world;
const types = objectSizes.length;

/** An action with every choice in its middle, so that neighbours share nothing. */
function drawDecided(random: Random): Float32Array {
  const middle = (count: number): number => ((random.below(count) + 0.5) / count) * 2 - 1;
  const free = (): number => random.uniform(-1, 1);
  return Float32Array.of(middle(activeObjects), middle(types - activeObjects), free(), free(), free(), free());
}

function flat(observation: Parameters<typeof writeObservation>[1]): Row {
  const out = new Float32Array(observationWidth(world));
  writeObservation(world, observation, out, 0);
  return [...out];
}

describe("what the critics see of a placement", () => {
  test("is the incoming object, its size, the slot, and each object that stays with its gaps, as the environment decodes them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const random = new Random(seed);
        const observation = drawObservation(random);
        const action = drawDecided(random);
        const view = criticView(numbers, world, flat(observation), [...action]);
        expect(view).toHaveLength(criticViewWidth(world));
        const { slot, type, x, z, drop } = decodePlacement(world, observation.objects, action, 0);
        const oneHot = (at: number, count: number): number[] =>
          Array.from({ length: count }, (_, i) => (i === at ? 1 : 0));
        let at = 0;
        const next = (count: number): Row => {
          at += count;
          return view.slice(at - count, at);
        };
        const near = (actual: Row, expected: Row): void => {
          expect(actual).toHaveLength(expected.length);
          // Decoding an action rounds millimetres down.
          for (const [i, value] of actual.entries()) {
            expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThan(2e-3);
          }
        };
        const size = (object: number): Row =>
          (objectSizes[object] ?? []).map((side, axis) => side / lengthUnit / (axis === 1 ? 1 : 2));
        const halves = (object: number): Row => [size(object)[0] ?? 0, size(object)[2] ?? 0, size(object)[1] ?? 0];
        near(next(sceneCount), oneHot(observation.scene, sceneCount));
        near(next(1), [2 * observation.progress - 1]);
        near(next(types), oneHot(type, types));
        near(next(3), halves(type));
        near(next(6), [...action]);
        near(next(activeObjects), oneHot(slot, activeObjects));
        next(24);
        for (let i = 1; i < activeObjects; i++) {
          const [other = 0, ox = 0, oy = 0, oz = 0] = observation.objects.subarray(((slot + i) % activeObjects) * 5);
          const [dx, dz] = [(x - ox) / lengthUnit, (z - oz) / lengthUnit];
          const gap = (distance: number, axis: 0 | 1): number =>
            Math.abs(distance) - (halves(type)[axis] ?? 0) - (halves(other)[axis] ?? 0);
          near(next(4), [dx, dz, gap(dx, 0), gap(dz, 1)]);
          near(next(4), [(drop - oy) / lengthUnit, oy / lengthUnit, ox / lengthUnit, oz / lengthUnit]);
          near(next(3), halves(other));
          near(next(types), oneHot(other, types));
        }
        expect(at).toBe(view.length);
      }),
    );
  });

  test("changes gradually from one choice to the next, and sums to one choice everywhere", () => {
    const observation = drawObservation(new Random(4));
    const weights = (u: number): Row => {
      const view = criticView(numbers, world, flat(observation), [u, u, 0, 0, 0, 0]);
      const incoming = view.slice(sceneCount + 1, sceneCount + 1 + types);
      const leaving = view.slice(sceneCount + 1 + types + 9, sceneCount + 1 + types + 9 + activeObjects);
      return [...incoming, ...leaving];
    };
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (u) => {
        const both = weights(u);
        expect(both.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(2, 5);
        for (const weight of both) expect(weight).toBeGreaterThanOrEqual(-1e-9);
        const beside = weights(Math.min(1, u + 1e-4));
        for (const [i, weight] of both.entries()) expect(Math.abs(weight - (beside[i] ?? 0))).toBeLessThan(1e-3);
      }),
    );
  });
});

test("the actor sees the observation, and each active object's size and place", () => {
  const observation = drawObservation(new Random(5));
  const view = actorView(numbers, world, flat(observation));
  expect(view).toHaveLength(actorViewWidth(world));
  expect(view.slice(0, observationWidth(world))).toEqual(flat(observation));
  const [type = 0, x = 0] = observation.objects;
  const [halfX, , , sine] = view.slice(observationWidth(world));
  expect(halfX).toBeCloseTo((objectSizes[type]?.[0] ?? 0) / 2 / lengthUnit, 5);
  expect(sine).toBeCloseTo(Math.sin((Math.PI * x) / lengthUnit), 5);
});
