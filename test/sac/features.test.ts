/** @file The agents' features of a placement: decoded as in the environment, and complete. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { angles, axesOfCamera, cameraOffset } from "../../trainer/language/index.js";
import { Random } from "../../trainer/random/random.js";
import { activeTypes, centres, decodeAction, drawLayout, loadCatalog, place } from "../../trainer/rooms/index.js";
import {
  type AgentWorld,
  decodePlacement,
  observationWidth,
  type Surface,
  writeObservation,
} from "../../trainer/sac/agent-world.js";
import { featureWidth, writeFeatures } from "../../trainer/sac/features.js";
import { chooseProposals, softValues, steeredBudget, temperatureFor } from "../../trainer/sac/proposal-policy.js";
import { drawAction, drawObservation, world } from "./world.js";

const catalog = loadCatalog("rooms");
const rooms: AgentWorld = {
  sceneCount: catalog.scenes.length,
  activeObjects: catalog.rules.activeObjects,
  objectSizes: catalog.objects.map(({ sizeX, sizeY, sizeZ }) => [sizeX, sizeY, sizeZ]),
  placementRange: {
    x: [catalog.rules.x.low, catalog.rules.x.high],
    z: [catalog.rules.z.low, catalog.rules.z.high],
    drop: [catalog.rules.drop.low, catalog.rules.drop.high],
  },
  yawSteps: catalog.rules.yawSteps,
  lengthUnit: 1000,
};

test("an action decodes as the environment decodes it", () => {
  const element = fc.oneof(fc.float({ min: -1, max: 1, noNaN: true }), fc.constantFrom(-1, 1, 0));
  const types = fc.shuffledSubarray([...rooms.objectSizes.keys()], { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(element, { minLength: 6, maxLength: 6 }), types, (elements, active) => {
      const action = Float32Array.from(elements);
      const objects = Int32Array.from(active.flatMap((type) => [type, 0, 0, 0, 0]));
      expect(decodePlacement(rooms, objects, action, 0)).toEqual(decodeAction(catalog, activeTypes(objects), action));
    }),
  );
});

describe("features", () => {
  const random = new Random(1);
  const rowOf = (own: AgentWorld, observation = drawObservation(random), action = drawAction(random)): Float32Array => {
    const out = new Float32Array(featureWidth(own) + 2).fill(7);
    writeFeatures(own, observation, action, 0, 1, out, 1);
    expect([out[0], out.at(-1)]).toEqual([7, 7]);
    return out.slice(1, -1);
  };

  test("of the default world have 86 columns", () => {
    expect(featureWidth(rooms)).toBe(86);
    expect(observationWidth(rooms)).toBe(45);
  });

  test("say scene, object, size and place, and where the others are", () => {
    for (let i = 0; i < 50; i++) {
      const observation = drawObservation(random);
      const action = drawAction(random);
      const { slot, type, x, z, drop } = decodePlacement(world, observation.objects, action, 0);
      const row = [...rowOf(world, observation, action)];
      const take = (count: number): number[] => row.splice(0, count);
      expect(take(2)).toEqual([0, 1].map((scene) => Number(scene === observation.scene)));
      expect(take(5)).toEqual([0, 1, 2, 3, 4].map((own) => Number(own === type)));
      const size = world.objectSizes[type] ?? [0, 0, 0];
      const close = (actual: number[], expected: number[]) => {
        expected.forEach((value, j) => {
          expect(actual[j]).toBeCloseTo(value, 5);
        });
      };
      close(take(6), [size[0] / 2000, size[2] / 2000, size[1] / 1000, ...action.subarray(2, 5)]);
      for (const length of [x, z, drop]) {
        const waves = [1, 2, 4, 8].flatMap((f) => [
          Math.sin((Math.PI * f * length) / 1000),
          Math.cos((Math.PI * f * length) / 1000),
        ]);
        close(take(8), waves);
      }
      for (const other of [(slot + 1) % 3, (slot + 2) % 3]) {
        const [index = 0, ox = 0, oy = 0, oz = 0] = observation.objects.subarray(5 * other, 5 * other + 4);
        const own = world.objectSizes[index] ?? [0, 0, 0];
        const gap = (distance: number, axis: 0 | 2) => (Math.abs(distance) - size[axis] / 2 - own[axis] / 2) / 1000;
        close(take(6), [
          (x - ox) / 1000,
          (z - oz) / 1000,
          gap(x - ox, 0),
          gap(z - oz, 2),
          oy / 1000,
          (drop - oy) / 1000,
        ]);
        close(take(6), [own[0] / 2000, own[2] / 2000, own[1] / 1000, ox / 1000, oy / 1000, oz / 1000]);
        expect(take(5)).toEqual([0, 1, 2, 3, 4].map((k) => Number(k === index)));
      }
      expect(row).toEqual([]);
    }
  });

  test("of a world with yaw turn the sizes: a quarter turn swaps them", () => {
    const turning = { ...world, yawSteps: 4 };
    const observation = drawObservation(new Random(3));
    const action = drawAction(new Random(4));
    const turned = action.with(5, -0.3);
    const straight = action.with(5, -0.9);
    const [a, b] = [rowOf(turning, observation, straight), rowOf(turning, observation, turned)];
    expect(featureWidth(turning)).toBe(featureWidth(world) + 6);
    expect(b[7]).toBeCloseTo(a[8] ?? 0, 5);
    expect(b[8]).toBeCloseTo(a[7] ?? 0, 5);
  });

  test("of relations follow the others: where the object rests, and how the camera sees it from each that stays", () => {
    const views = catalog.scenes.map(({ furniture, document: { camera } }) => ({
      ...axesOfCamera(camera.position, camera.target),
      surfaces: furniture.map(({ x0, x1, z0, z1, y1 }): Surface => ({ x: [x0, x1], z: [z0, z1], top: y1 })),
    }));
    const seeing: AgentWorld = { ...rooms, views };
    const plain = featureWidth(rooms);
    expect(featureWidth(seeing)).toBe(plain + 1 + 2 * 8);
    let raised = 0;
    for (let i = 0; raised < 20; i++) {
      const scene = random.below(catalog.scenes.length);
      const room = catalog.scenes[scene];
      const axes = views[scene];
      if (room === undefined || axes === undefined) throw new Error(`no scene ${scene}`);
      const { objects } = drawLayout(catalog, room, random);
      const action = drawAction(random);
      const outcome = place(catalog, room, objects, decodeAction(catalog, activeTypes(objects), action));
      if (!outcome.valid) continue;
      const { slot } = decodePlacement(rooms, objects, action, 0);
      const row = rowOf(seeing, { scene, objects, progress: 0 }, action);
      expect(row.slice(0, plain)).toEqual(rowOf(rooms, { scene, objects, progress: 0 }, action));
      const rest = outcome.objects[5 * slot + 2] ?? 0;
      raised += rest > 0 ? 1 : 0;
      expect(row[plain]).toBeCloseTo(rest / 1000, 5);
      const after = centres(catalog, outcome.objects);
      for (const other of [1, 2]) {
        const [own, its] = [after[slot], after[(slot + other) % 3]];
        if (own === undefined || its === undefined) throw new Error("no such slot");
        const offset = cameraOffset(its, own, axes);
        const { elevation, bearing } = angles(offset);
        const found = row.slice(plain + 1 + 8 * (other - 1), plain + 1 + 8 * other);
        const turn = (bearing * Math.PI) / 180;
        const expected = [
          ...[offset.right, offset.up, offset.toward].map((length) => length / 1000),
          elevation / 90,
          ...[Math.sin(turn), Math.cos(turn), Math.sin(8 * turn), Math.cos(8 * turn)],
        ];
        expected.forEach((value, j) => {
          expect(found[j]).toBeCloseTo(value, 4);
        });
      }
      expect(i).toBeLessThan(10_000);
    }
  });

  test("a proposal's row does not depend on the rows around it", () => {
    const observation = drawObservation(random);
    const actions = Float32Array.from({ length: 5 * 6 }, () => random.uniform(-1, 1));
    const width = featureWidth(world);
    const all = new Float32Array(5 * width);
    writeFeatures(world, observation, actions, 0, 5, all, 0);
    for (let i = 0; i < 5; i++) {
      expect(all.slice(i * width, (i + 1) * width)).toEqual(rowOf(world, observation, actions.slice(6 * i, 6 * i + 6)));
    }
  });
});

test("the flat observation has scene, types, places and progress, all within [−1, 1]", () => {
  for (let i = 0; i < 100; i++) {
    const observation = drawObservation(new Random(i));
    const out = new Float32Array(observationWidth(world));
    writeObservation(world, observation, out, 0);
    expect(out[observation.scene]).toBe(1);
    expect(out.at(-1)).toBeCloseTo(2 * observation.progress - 1, 5);
    expect(out.every((value) => value >= -1 && value <= 1)).toBe(true);
    expect(out.slice(2).filter((value) => value === 1).length).toBeGreaterThanOrEqual(3);
  }
});

describe("the policy over proposals", () => {
  const values = fc.array(fc.double({ min: -1, max: 30, noNaN: true }), { minLength: 64, maxLength: 64 });

  test("meets its KL budget", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16 }),
        fc.double({ min: 0.1, max: 30, noNaN: true }),
        fc.nat(),
        (rows, spread, seed) => {
          const random = new Random(seed);
          const q = Float64Array.from({ length: rows * 64 }, () => spread * random.normal());
          const { chosen, kl, temperature } = chooseProposals(q, 64, 1, random);
          expect(chosen.every((index) => index >= 0 && index < 64)).toBe(true);
          expect(kl).toBeCloseTo(1, 2);
          expect(temperature).toBe(temperatureFor(q, 64, 1));
        },
      ),
    );
  });

  test("draws in proportion to exp(Q/α)", () => {
    const q = Float64Array.from({ length: 4 }, (_, i) => i);
    const random = new Random(1);
    const { temperature } = chooseProposals(q, 4, 0.3, random);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      const index = chooseProposals(q, 4, 0.3, random).chosen[0] ?? 0;
      counts[index] = (counts[index] ?? 0) + 1;
    }
    const weights = [...q].map((value) => Math.exp(value / temperature));
    const sum = weights.reduce((a, b) => a + b);
    counts.forEach((count, i) => {
      expect(count / 20_000).toBeCloseTo((weights[i] ?? 0) / sum, 1.7);
    });
  });

  test("has a soft value between the mean and the largest", () => {
    fc.assert(
      fc.property(values, (row) => {
        fc.pre(new Set(row).size > 40);
        const [value = Number.NaN] = softValues(Float64Array.from(row), 64, 1);
        expect(value).toBeGreaterThanOrEqual(row.reduce((a, b) => a + b) / 64 - 1e-6);
        expect(value).toBeLessThanOrEqual(Math.max(...row) + 1e-6);
      }),
    );
  });

  test("has a steered budget that checkpoints store exactly, within its bounds", () => {
    for (const missing of [-10, -0.1, 0, 0.1, 10]) {
      const budget = steeredBudget(0.7, missing, 0.7);
      expect(budget).toBe(Math.fround(budget));
      expect(budget).toBeCloseTo(0.7 * Math.min(2, Math.max(0.25, Math.exp(3 * missing))), 6);
    }
  });
});
