/** @file Replay: golden numbers of cpprb, and properties of each kind. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { PriorityTree } from "../../trainer/replay/priority-tree.js";
import {
  annealedCorrection,
  createReplay,
  PrioritizedReplay,
  REPLAY_KINDS,
  type Replay,
  replayBytes,
} from "../../trainer/replay/replay.js";
import { check } from "../golden-checks/per.js";

const golden = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../test/golden/per");
const schema = { value: { type: "int32", width: 1 }, pair: { type: "float32", width: 2 } } as const;
const rows = (values: readonly number[]) => ({
  value: Int32Array.from(values),
  pair: Float32Array.from(values.flatMap((v) => [v, v + 0.5])),
});
const stored = (replay: Replay): number[] =>
  Array.from({ length: replay.size }, (_, age) => replay.row("value", replay.indexOf(age))[0] as number);

test("probabilities, weights and largest priority equal cpprb's", async () => {
  const { compared, failures } = await check(golden);
  expect(failures).toEqual([]);
  expect(compared).toBeGreaterThan(100);
});

describe("priority tree", () => {
  test("finds the same leaf as a plain cumulative sum, and knows sum and minimum", () => {
    const leaf = fc.option(fc.integer({ min: 1, max: 1000 }), { nil: null });
    fc.assert(
      fc.property(fc.array(leaf, { minLength: 1, maxLength: 40 }), fc.nat(), (leaves, seed) => {
        const tree = new PriorityTree(leaves.length);
        leaves.forEach((_, i) => {
          tree.set(i, 7);
        });
        leaves.forEach((value, i) => {
          if (value === null) tree.clear(i);
          else tree.set(i, value);
        });
        const full = leaves.filter((value) => value !== null);
        const sum = full.reduce((a, b) => a + b, 0);
        expect(tree.sum).toBe(sum);
        expect(tree.minimum).toBe(Math.min(...full));
        if (sum === 0) return;
        const point = new Random(seed).float() * sum;
        let reached = 0;
        const expected = leaves.findIndex((value) => {
          reached += value ?? 0;
          return point < reached;
        });
        expect(tree.find(point)).toBe(expected);
      }),
    );
  });

  test("never finds an empty leaf, not even for a point rounded up to the whole sum", () => {
    const tree = new PriorityTree(5);
    tree.set(1, 0.1);
    tree.set(2, 0.2);
    expect(tree.find(tree.sum)).toBe(2);
    expect(tree.find(tree.sum * 2)).toBe(2);
  });
});

describe.each(REPLAY_KINDS)("%s replay", (kind) => {
  const make = (capacity: number) => createReplay({ kind, capacity, schema });

  test("holds the newest rows in order, whatever is added and forgotten", () => {
    const op = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ forget: fc.integer({ min: 0, max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(op, { maxLength: 12 }), (capacity, ops) => {
        const replay = make(capacity);
        let expected: number[] = [];
        let value = 0;
        for (const step of ops) {
          if ("add" in step) {
            const values = Array.from({ length: step.add }, () => value++);
            replay.add(rows(values), values.length);
            expected = [...expected, ...values].slice(-capacity);
          } else {
            replay.forget(step.forget);
            expected = expected.slice(Math.min(step.forget, expected.length));
          }
          expect(stored(replay)).toEqual(expected);
          if (expected.length === 0) continue;
          const sample = replay.sample(20, new Random(value), 1);
          for (let i = 0; i < 20; i++) {
            const drawn = sample.columns["value"]?.[i] as number;
            expect(expected).toContain(drawn);
            expect([...(sample.columns["pair"] ?? []).slice(2 * i, 2 * i + 2)]).toEqual([drawn, drawn + 0.5]);
          }
        }
      }),
    );
  });

  test("restored from its state continues like the saved one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 14 }),
        fc.nat(),
        (added, dropped, seed) => {
          const a = make(16);
          a.add(rows(Array.from({ length: added }, (_, i) => i)), added);
          const seen = a.sample(6, new Random(seed), 0.5);
          a.update(seen.indices, [0.1, 3, 0.2, 5, 0.01, 1]);
          a.forget(Math.min(dropped, a.size - 1));
          const b = make(16);
          b.add(rows([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6]), 16);
          b.restore(a.state());
          for (const replay of [a, b]) replay.add(rows([100, 101]), 2);
          expect(b.sample(32, new Random(seed), 0.7)).toEqual(a.sample(32, new Random(seed), 0.7));
          expect(b.state()).toEqual(a.state());
        },
      ),
    );
  });

  test("tells the bytes that it will allocate", () => {
    const options = { kind, capacity: 1000, schema };
    expect(replayBytes(options)).toBe(createReplay(options).bytes);
    expect(replayBytes(options)).toBeGreaterThanOrEqual(12_000);
  });
});

test("prioritized and LAP replay draw in proportion to their priorities, uniform replay evenly", () => {
  const errors = [0.05, 0.5, 2, 8];
  const shares = (kind: (typeof REPLAY_KINDS)[number]): number[] => {
    const replay = createReplay({ kind, capacity: 4, schema, priorityExponent: 0.5 });
    replay.add(rows([0, 1, 2, 3]), 4);
    replay.update(Int32Array.of(0, 1, 2, 3), errors);
    const counts = [0, 0, 0, 0];
    for (const index of replay.sample(40_000, new Random(3), 1).indices) counts[index] = (counts[index] ?? 0) + 1;
    return counts.map((count) => count / 40_000);
  };
  const normalised = (weights: number[]) => weights.map((w) => w / weights.reduce((a, b) => a + b));
  const expected = {
    prioritized: normalised(errors.map((e) => (e + 1e-4) ** 0.5)),
    lap: normalised(errors.map((e) => Math.max(e, 1) ** 0.5)),
    uniform: [0.25, 0.25, 0.25, 0.25],
  };
  for (const kind of REPLAY_KINDS) {
    shares(kind).forEach((share, i) => {
      expect(share).toBeCloseTo(expected[kind][i] as number, 2);
    });
  }
});

test("importance weights undo the bias of prioritized sampling at b = 1", () => {
  const replay = new PrioritizedReplay({ kind: "prioritized", capacity: 3, schema });
  replay.add(rows([1, 2, 30]), 3, [0.1, 1, 9]);
  const { columns, weights } = replay.sample(60_000, new Random(5), 1);
  let sum = 0;
  let total = 0;
  weights.forEach((w, i) => {
    sum += w * (columns["value"]?.[i] as number);
    total += w;
  });
  expect(sum / total).toBeCloseTo(11, 0);
});

test("the correction goes linearly from its start to 1 and stays there", () => {
  expect([0, 50, 100, 200].map((update) => annealedCorrection(0.4, update, 100))).toEqual([0.4, 0.7, 1, 1]);
});

test("a row that was dropped, or never written, gets no priority", () => {
  for (const kind of ["prioritized", "lap"] as const) {
    const replay = createReplay({ kind, capacity: 6, schema });
    replay.add(rows([0, 1, 2, 3, 4, 5, 6, 7]), 8);
    replay.forget(2); // The ring holds the values 4 to 7, at 4, 5, 0 and 1.
    replay.update(Int32Array.of(2, 3, 4, 1, 6, -1), new Array(6).fill(9));
    const drawn = new Set(replay.sample(200, new Random(1), 1).indices);
    expect([...drawn].sort()).toEqual([0, 1, 4, 5]);
  }
});

test("a replay restored with more room continues if its ring had not wrapped, and is refused otherwise", () => {
  const part = createReplay({ kind: "prioritized", capacity: 4, schema });
  part.add(rows([1, 2, 3]), 3);
  const roomy = createReplay({ kind: "prioritized", capacity: 8, schema });
  roomy.restore(part.state());
  roomy.add(rows([4, 5]), 2);
  expect(stored(roomy)).toEqual([1, 2, 3, 4, 5]);
  part.add(rows([4]), 1);
  expect(() => roomy.restore(part.state())).toThrow(/another capacity/);
  roomy.forget(4);
  const small = createReplay({ kind: "prioritized", capacity: 5, schema });
  expect(() => small.restore(roomy.state())).toThrow(/another capacity/);
});

test("a replay written with another capacity, or cut short, is refused", () => {
  const large = createReplay({ kind: "prioritized", capacity: 8, schema });
  large.add(rows([1, 2, 3, 4, 5, 6]), 6);
  const small = createReplay({ kind: "prioritized", capacity: 4, schema });
  expect(() => small.restore(large.state())).toThrow(/another capacity/);
  const { priorities: _, ...cut } = large.state();
  expect(() => createReplay({ kind: "prioritized", capacity: 8, schema }).restore(cut)).toThrow(/lacks "priorities"/);
  expect(() => createReplay({ kind: "uniform", capacity: 0, schema })).toThrow(/positive integer/);
  expect(() => large.update(Int32Array.of(0), [Number.NaN])).toThrow(/diverged/);
});
