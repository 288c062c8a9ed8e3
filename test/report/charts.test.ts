/** @file What the charts of report and live page draw: means over seeds, what has a curve, colours, smoothing, parts of an axis. */
import fc from "fast-check";
import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { describe, expect, it } from "vitest";
import { followedCharts, linesOf, meanCurve } from "../../trainer/report/charts/curves.js";
import { ACCURACY, type Chart, INVALID, REWARD } from "../../trainer/report/charts/list.js";
import { placesOf } from "../../trainer/report/charts/palette.js";
import { Terms } from "../../trainer/report/charts/terms.js";
import { csvOf, smoothed, viewed, within } from "../../trainer/report/charts/view.js";
import type { MetricColumn } from "../../trainer/run-format/columns.js";
import type { MetricsRow } from "../../trainer/run-format/readers.js";
import { FIXTURE_ARMS, fixtureMetrics } from "./fixture.js";

const chartOf = (charts: readonly Chart[], column: MetricColumn): Chart => {
  const found = charts.find((chart) => chart.column === column);
  if (found === undefined) throw new Error(`no chart of ${column}`);
  return found;
};
const [rls3] = FIXTURE_ARMS;
const rows = (seed: number, iterations: number) => {
  if (rls3 === undefined) throw new Error("the fixture has no arm");
  return fixtureMetrics(rls3, seed, iterations);
};
const asRun = (rows: readonly MetricsRow[]) => ({ rows });

describe("a mean over seeds", () => {
  const curve = (...values: number[]) => values.map((y, i) => ({ x: 10 * i, y }));

  it("ends where the first seed ends, and is over all of them until there", () => {
    const { points, seeds } = meanCurve([curve(0, 0, 0), curve(1, 1, 1, 1, 1), curve(2, 2, 2, 2)], "iteration");
    expect(points.map(({ x, y }) => [x, y])).toEqual([0, 10, 20].map((x) => [x, 1]));
    expect(points.at(-1)).toMatchObject({
      low: expect.closeTo(1 - 4.3027 / Math.sqrt(3), 4),
      high: expect.closeTo(1 + 4.3027 / Math.sqrt(3), 4),
    });
    expect(seeds).toBe(3);
    const along = meanCurve([curve(0, 0, 0), curve(1, 1, 1, 1)], "generated").points;
    expect(along.at(-1)?.x).toBe(20);
    expect(along.every(({ y }) => y === 0.5)).toBe(true);
  });

  it("does not wait for a seed that has only begun, and its line says over how many it is", () => {
    const [chart] = ACCURACY;
    if (chart === undefined) throw new Error("no chart");
    const arm = { name: "RLS3", colour: 0, runs: [rows(1, 5), rows(2, 5), rows(3, 0)].map(asRun) };
    const [line] = linesOf([arm], chart, "iteration");
    expect(line?.name).toBe("RLS3, mean of 2");
    expect(line?.points.map(({ x }) => x)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("of one seed is its curve, without an interval", () => {
    expect(meanCurve([curve(0, 1)], "valid").points).toEqual([
      { x: 0, y: 0 },
      { x: 10, y: 1 },
    ]);
  });
});

describe("the terms", () => {
  const armOf = (name: string, ...lengths: number[]) => ({
    name,
    colour: 0,
    runs: lengths.map((length, seed) => asRun(rows(seed, length))),
  });
  const terms = (...arms: ReturnType<typeof armOf>[]) => renderToString(h(Terms, { arms }));

  it("have the same intervals for the same values, whatever the arm is called", () => {
    const whiskers = (name: string) =>
      [...terms(armOf(name, 5, 5, 5, 5, 5, 5, 5, 5)).matchAll(/class="whisker" d="([^"]*)"/g)].map(([, d]) => d);
    expect(whiskers("RLS3")).toHaveLength(6);
    expect(whiskers("RLS3")).toEqual(whiskers("rls3 (3 seeds)"));
  });

  it("say where they were measured if seeds have unequal lengths, one that has only begun left out", () => {
    expect(terms(armOf("a", 4, 4, 0), armOf("b", 3, 3, 3))).toContain("a, at the end");
    const uneven = terms(armOf("a", 4, 4, 4), armOf("b", 3, 5, 5));
    expect(uneven).not.toContain("at the end");
    expect(uneven).toContain("b, where its shortest seed ended");
    expect(uneven).toContain("as far as the shortest seed of an arm goes");
  });
});

describe("the charts", () => {
  it("have curves of what was measured in at least every other row of each run that has it at all", () => {
    const arms = [{ name: "RLS3", colour: 0, runs: [rows(1, 8), rows(2, 3)].map(asRun) }];
    const { followed, seldom } = followedCharts(ACCURACY, arms);
    expect(followed.map(({ column }) => column)).toEqual(["accuracyOneTerm", "accuracyFull"]);
    expect(seldom.map(({ column }) => column)).toEqual(["naturalOneTerm", "naturalFull"]);
  });

  it("of invalid placements are shares and begin with the first iteration, though the row before it has zeros", () => {
    const [before, ...rest] = rows(1, 4);
    if (before === undefined) throw new Error("no row");
    const [line] = linesOf(
      [{ name: "RLS3", colour: 0, runs: [{ rows: [{ ...before, reasonBounds: 0 }, ...rest] }] }],
      chartOf(INVALID, "reasonBounds"),
      "iteration",
    );
    expect(line?.points.map(({ x }) => x)).toEqual([1, 2, 3, 4]);
    const [first] = rest;
    expect(line?.points[0]?.y).toBeCloseTo((first?.reasonBounds ?? 0) / (first?.generated ?? 0));
  });

  it("of the reward for difficulty are per valid sample", () => {
    const [, row] = rows(1, 1);
    if (row === undefined) throw new Error("no row");
    const { measured } = chartOf(REWARD, "rewardExtrinsic");
    expect(measured({ ...row, rewardExtrinsic: 2, validRate: 0.5 }, undefined)).toBe(4);
    expect(measured({ ...row, rewardExtrinsic: 0, validRate: 0 }, undefined)).toBeNull();
  });
});

describe("the palette", () => {
  it("gives an arm its usual place, and no place twice", () => {
    expect(placesOf(["random", "rls3"])).toEqual([1, 0]);
    expect(placesOf(["a", "rls3", "b"])).toEqual([1, 0, 2]);
    expect(placesOf(["rls3", "random", "rls3", "random", "rls3"])).toEqual([0, 1, 2, 3, 4]);
    const names = Array.from({ length: 24 }, (_, i) => `cell ${i}`);
    expect(new Set(placesOf(names)).size).toBe(24);
  });
});

describe("a view of a chart", () => {
  const point = fc.record({ x: fc.integer({ min: 0, max: 100 }), y: fc.double({ min: -5, max: 5, noNaN: true }) });
  const points = fc
    .uniqueArray(point, { selector: ({ x }) => x, minLength: 2, maxLength: 9 })
    .map((all) => all.sort((a, b) => a.x - b.x));

  it("smoothed stays within its values, is the same at weight 0, and flat where they are", () => {
    fc.assert(
      fc.property(points, fc.double({ min: 0, max: 0.99, noNaN: true }), (all, weight) => {
        const values = all.map(({ y }) => y);
        for (const { y } of smoothed(all, weight)) {
          expect(y).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(y).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        }
        expect(smoothed(all, 0).map(({ y }) => y.toFixed(9))).toEqual(values.map((y) => y.toFixed(9)));
      }),
    );
    // By hand: weights 1, then 1/3 and 2/3, as TensorBoard corrects for the start.
    expect(
      smoothed(
        [
          { x: 0, y: 3 },
          { x: 1, y: 0 },
        ],
        0.5,
      ).map(({ y }) => y),
    ).toEqual([3, 1]);
  });

  it("of part of the axis is cut there, on the line", () => {
    expect(
      within(
        [
          { x: 0, y: 0 },
          { x: 10, y: 1 },
          { x: 20, y: 0 },
        ],
        [5, 15],
      ),
    ).toEqual([
      { x: 5, y: 0.5 },
      { x: 10, y: 1 },
      { x: 15, y: 0.5 },
    ]);
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 50 }), fc.integer({ min: 51, max: 100 }), (all, from, to) => {
        const cut = within(all, [from, to]);
        expect(cut.every(({ x }) => x >= from && x <= to)).toBe(true);
        const [first, last] = [all[0]?.x ?? 0, all.at(-1)?.x ?? 0];
        if (first < to && last > from) expect(cut[0]?.x).toBe(Math.max(first, from));
      }),
    );
  });

  it("keeps the unsmoothed line behind, and writes what it shows", () => {
    const [chart] = ACCURACY;
    if (chart === undefined) throw new Error("no chart");
    const lines = linesOf([{ name: 'RLS3, "new"', colour: 0, runs: [{ rows: rows(1, 3) }] }], chart, "iteration");
    const drawn = { title: "T", xLabel: "iteration", x: chart.unit, y: chart.unit, lines };
    const [line] = viewed(drawn, { smoothing: 0.5, range: null }).lines;
    expect(line?.runs).toEqual([lines[0]?.points]);
    const [head, ...written] = csvOf(viewed(drawn, { smoothing: 0, range: [1, 2] }))
      .trim()
      .split("\n");
    expect(head).toBe("line,iteration,T,low,high");
    expect(written.map((row) => row.split(",").slice(0, 3).join(","))).toEqual([
      '"RLS3, ""new""",1',
      '"RLS3, ""new""",2',
    ]);
  });
});
