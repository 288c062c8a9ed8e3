import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Environment } from "../../protocol/environment.js";
import type { TensorData, TensorSpec } from "../../protocol/spaces.js";
import { InputError } from "../../trainer/errors.js";
import { decodeAction, loadCatalog, OBJECT_FIELDS, roomsDefinition, stateHash } from "../../trainer/rooms/index.js";
import { actions, seeds, WORLDS } from "./worlds.js";

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array } as const;

function observe(environment: Environment, spec: TensorSpec): TensorData {
  const out = new ARRAYS[spec.dtype](spec.shape.reduce((product, side) => product * side, 1));
  environment.observe(spec.uid, out);
  return out;
}

/** The state's hash after the reset and after each action. */
function hashes(environment: Environment, seed: number, steps: readonly (readonly number[])[]): string[] {
  environment.reset(seed, {});
  const found = [environment.stateHash?.() ?? ""];
  for (const action of steps) {
    environment.step(Float32Array.from(action));
    found.push(environment.stateHash?.() ?? "");
  }
  return found;
}

describe.each(WORLDS)("the environment of $name", (catalog) => {
  const definition = roomsDefinition(catalog, { imageSize: 32 });

  it("repeats an episode from its seed and actions, in any environment and whatever came before", () => {
    const [first, second] = [definition.create(0), definition.create(1)];
    fc.assert(
      fc.property(seeds, fc.array(actions, { maxLength: 12 }), (seed, steps) => {
        const once = hashes(first, seed, steps);
        expect(hashes(second, seed, steps)).toEqual(once);
        for (const hash of once) expect(hash).toMatch(/^[0-9a-f]{16}$/);
      }),
      { numRuns: 40 },
    );
  });

  it("gives another layout for another seed, and continues its random numbers without one", () => {
    const environment = definition.create(0);
    const starts = Array.from({ length: 200 }, (_, seed) => hashes(environment, seed, [])[0]);
    expect(new Set(starts).size).toBe(200);
    const drawn = Array.from({ length: 20 }, () => {
      environment.reset(undefined, {});
      return environment.stateHash?.();
    });
    expect(new Set(drawn).size).toBe(20);
  });

  it("keeps every observation within its declared bounds", () => {
    const environment = definition.create(0);
    fc.assert(
      fc.property(seeds, fc.array(actions, { maxLength: 6 }), (seed, steps) => {
        hashes(environment, seed, steps);
        environment.configure?.("episodeProgress", (seed % 11) / 10);
        for (const spec of definition.observations) {
          const values = observe(environment, spec);
          const bound = (of: number | readonly number[] | undefined, at: number): number =>
            (typeof of === "number" ? of : of?.[at]) ?? Number.NaN;
          const outside = Array.from(values).findIndex(
            (value, at) => !(value >= bound(spec.low, at) && value <= bound(spec.high, at)),
          );
          expect(outside, `${spec.uid} element ${outside}`).toBe(-1);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("decodes every action to values inside the catalog's ranges, and each end of a range is reached", () => {
    const { rules, objects } = catalog;
    fc.assert(
      fc.property(
        actions,
        fc.shuffledSubarray(
          objects.map(({ index }) => index),
          fixed(rules.activeObjects),
        ),
        (action, active) => {
          const { slot, type, x, z, drop, yaw } = decodeAction(catalog, active, action);
          expect(slot).toBeLessThan(rules.activeObjects);
          expect(yaw).toBeLessThan(rules.yawSteps);
          expect(active).not.toContain(type);
          for (const [value, range] of [
            [x, rules.x],
            [z, rules.z],
            [drop, rules.drop],
          ] as const) {
            expect(Number.isInteger(value)).toBe(true);
            expect(value).toBeGreaterThanOrEqual(range.low);
            expect(value).toBeLessThanOrEqual(range.high);
          }
        },
      ),
    );
    const active = Array.from({ length: rules.activeObjects }, (_, index) => index);
    const low = { slot: 0, type: rules.activeObjects, x: rules.x.low, z: rules.z.low, drop: rules.drop.low, yaw: 0 };
    expect(decodeAction(catalog, active, [-1, -1, -1, -1, -1, -1])).toEqual(low);
    expect(decodeAction(catalog, active, [1, 1, 1, 1, 1, 1])).toEqual({
      slot: rules.activeObjects - 1,
      type: objects.length - 1,
      x: rules.x.high,
      z: rules.z.high,
      drop: rules.drop.high,
      yaw: rules.yawSteps - 1,
    });
  });

  it("rewards +1 and −1, never ends by itself, and tells the reason and what was in the way", () => {
    const environment = definition.create(0);
    environment.reset(4, {});
    fc.assert(
      fc.property(actions, (action) => {
        const before = environment.stateHash?.();
        const { reward, terminated, truncated, info } = environment.step(Float32Array.from(action));
        expect([terminated, truncated]).toEqual([false, false]);
        expect(reward).toBe(info["valid"] === true ? 1 : -1);
        expect(info["reason"] === 0).toBe(info["valid"]);
        if (info["valid"] !== true) expect(environment.stateHash?.()).toBe(before);
        expect(info["seen"]).toHaveLength(catalog.rules.activeObjects);
        if (Number(info["reason"]) >= 3) expect(info["with"]).toMatchObject({ name: expect.stringMatching(/./) });
      }),
    );
  });

  it("takes a scene by number or name, with the same layout", () => {
    const environment = definition.create(0);
    for (const { index, name } of catalog.scenes) {
      environment.reset(7, { scene: index });
      const byNumber = environment.stateHash?.();
      environment.reset(7, { scene: name });
      expect(environment.stateHash?.()).toBe(byNumber);
      expect(observe(environment, { uid: "scene", dtype: "int32", shape: [1] })[0]).toBe(index);
    }
    expect(() => environment.reset(7, { scene: "attic" })).toThrow(InputError);
    expect(() => environment.reset(7, { scene: 99 })).toThrow(/options.scene is 99, but catalog .* has: 0 \(/);
  });
});

const fixed = (length: number) => ({ minLength: length, maxLength: length });

describe("actions", () => {
  const rooms = loadCatalog("rooms");
  it("that are not numbers within [-1, 1] name the element", () => {
    expect(() => decodeAction(rooms, [0, 1, 2], [0, 0, Number.NaN, 0, 0, 0])).toThrow(/element 2 \(x\) is NaN/);
    expect(() => decodeAction(rooms, [0, 1, 2], [0, 0, 0, 0, 0, 1.5])).toThrow(/element 5 \(yaw\) is 1.5/);
    expect(() => decodeAction(rooms, [0, 1, 2], [0, 0])).toThrow(/element 2/);
  });

  it("count incoming objects among those that are not active, in the catalog's order", () => {
    const types = Array.from({ length: 6 }, (_, rank) => {
      const u = (rank + 0.5) / 6;
      return decodeAction(rooms, [7, 0, 3], [0, 2 * u - 1, 0, 0, 0, 0]).type;
    });
    expect(types).toEqual([1, 2, 4, 5, 6, 8]);
  });
});

describe("the state hash", () => {
  const objects = Int32Array.of(0, 10, 0, -20, 0, 4, -300, 620, 15, 3, 8, 5, 0, 6, 0);

  it("tells apart states that differ in one integer, scene included", () => {
    const all = [stateHash(0, objects), stateHash(1, objects)];
    for (let at = 0; at < objects.length; at++) {
      for (const change of [1, -1, 256]) {
        const other = objects.slice();
        other[at] = (other[at] ?? 0) + change;
        all.push(stateHash(0, other));
      }
    }
    expect(new Set(all).size).toBe(all.length);
  });

  it("tells apart two objects that have changed places", () => {
    const swapped = Int32Array.of(...objects.subarray(OBJECT_FIELDS, 2 * OBJECT_FIELDS), ...objects.subarray(0, 5));
    expect(stateHash(0, swapped)).not.toBe(stateHash(0, objects.slice(0, 2 * OBJECT_FIELDS)));
  });
});

describe("image sizes", () => {
  it.each([31, 513, 64.5, Number.NaN])("%f is refused", (imageSize) => {
    expect(() => roomsDefinition(loadCatalog("rooms"), { imageSize })).toThrow(InputError);
  });
});
