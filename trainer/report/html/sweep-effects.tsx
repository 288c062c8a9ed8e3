/** @file The sections of a sweep's page that show effects: charts of each level, heat maps of pairs, shares of variance, curves. */

import type { JSX } from "preact";
import { at } from "../../at.js";
import type { SeedRun } from "../../run-format/summary.js";
import { AXES, type Axis } from "../../run-format/summary.js";
import { type Curve, meanCurve } from "../charts/curves.js";
import { DotFigure } from "../charts/dots.js";
import { HeatMapFigure } from "../charts/heat-map.js";
import { LineFigure } from "../charts/lines.js";
import { ACCURACY } from "../charts/list.js";
import { GREY } from "../charts/palette.js";
import { AXIS_NAMES, axisQuantity, SHARE } from "../charts/quantities.js";
import { Estimated, type Table } from "../charts/table.js";
import { count, decimal, percent, points, pointsInterval, probability } from "../format.js";
import { along } from "../summary.js";
import { type Factor, levelName } from "../sweep/design.js";
import type { Contrast, LevelEffect, SeedMean } from "../sweep/effects.js";
import { type Common, MAIN_MEASURE, MEASURES, type Measure, measureOf } from "../sweep/measures.js";
import type { SweepContents } from "../sweep/read.js";
import { inOrderShown, mainTests, seedsTested, varianceSentence } from "../sweep/sentences.js";
import type { SweepSummary } from "../sweep/summary.js";
import { html, type Markup, section, table } from "./markup.js";

const EMPTY = "–";
const isGain = ({ column }: Measure): boolean => column === "gainPerIteration";
const difference = (measure: Measure, value: number): string => (isGain(measure) ? points(value, 2) : points(value));

function estimate(measure: Measure, value: number | undefined, interval: SeedMean["interval"] | undefined) {
  if (value === undefined) return EMPTY;
  return <Estimated value={measure.value(value)} interval={interval == null ? null : measure.range(interval)} />;
}

function contrastCells(measure: Measure, contrast: Contrast | null, isReference: boolean) {
  if (contrast === null) return [isReference ? "reference" : EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY];
  const { difference: value, interval, p, pHolm, power, seeds } = contrast;
  const range = isGain(measure) ? measure.range : pointsInterval;
  return [
    <Estimated value={difference(measure, value)} interval={interval === null ? null : range(interval)} />,
    p === null ? EMPTY : probability(p),
    pHolm === null ? EMPTY : probability(pHolm),
    power === null ? EMPTY : decimal(power.effect, 2),
    power === null ? EMPTY : count(power.seedsNeeded),
    seeds,
  ];
}

/** Below this range whole percents on an axis would repeat themselves. */
const NARROW = 0.05;

const TEST_HEAD = ["difference, points", "paired t-test", "Holm", "effect, s.d.", "seeds for 80 %", "seeds"];

function levelTable(measure: Measure, factor: Factor, effects: readonly LevelEffect[], common: Common): Table {
  const several = effects.some(({ contrast }) => contrast?.pPermutation !== undefined);
  return {
    caption: `${measure.title(common)}, by ${factor.name}; differences from ${levelName(factor, factor.reference)}`,
    head: [factor.name, "mean", "interquartile mean", ...TEST_HEAD, ...(several ? ["permutation"] : [])],
    rows: effects.map(({ level, marginal, contrast }) => [
      level,
      estimate(measure, marginal?.mean, marginal?.interval),
      estimate(measure, marginal?.iqm, marginal?.iqmInterval),
      ...contrastCells(measure, contrast, level === factor.reference),
      ...(several ? [contrast?.pPermutation === undefined ? EMPTY : probability(contrast.pPermutation)] : []),
    ]),
  };
}

function levelChart(
  measure: Measure,
  factor: Factor,
  effects: readonly LevelEffect[],
  common: Common,
): JSX.Element | null {
  const drawn = effects.flatMap(({ level, marginal }) => (marginal === null ? [] : [{ level, marginal }]));
  if (drawn.length === 0) return null;
  const ends = drawn.flatMap(({ marginal }) => [marginal.mean, ...(marginal.interval ?? [])]);
  const digits = Math.max(...ends) - Math.min(...ends) < NARROW ? 1 : 0;
  const tick = (value: number): string =>
    isGain(measure) ? (100 * value).toFixed(digits + 1).replace("-", "−") : percent(value, digits);
  return (
    <DotFigure
      title={`${measure.title(common)}, by ${factor.name}`}
      heading={factor.key === "variant" || factor.key === "settings" ? `By ${factor.name}` : factor.name}
      rows={drawn.map(({ level, marginal }) => {
        const [low, high] = marginal.interval ?? [];
        const range = low === undefined || high === undefined ? {} : { low, high };
        const isReference = level === factor.reference;
        const dot = { name: isReference ? "reference" : level, colour: isReference ? GREY : 0, value: marginal.mean };
        return { label: level, before: null, dots: [{ ...dot, ...range }] };
      })}
      x={{ ...measure, tick }}
      xLabel={measure.short}
      // Those of the main measure stand below it.
      {...(measure.column !== MAIN_MEASURE && { numbers: levelTable(measure, factor, effects, common) })}
    />
  );
}

/** For each measure a chart for each factor; the tests of the main one stand open. */
export function effectsSection(summary: SweepSummary): Markup {
  const { factors, effects, common } = summary;
  const parts = MEASURES.map((measure) => {
    const shown = factors.map((factor, i) => ({
      factor,
      levels: inOrderShown(summary, at(effects[measure.column], i)),
    }));
    const charts = shown.flatMap(({ factor, levels }) => levelChart(measure, factor, levels, common) ?? []);
    const tests =
      measure.column === MAIN_MEASURE &&
      shown.map(({ factor, levels }) => table(levelTable(measure, factor, levels, common)));
    return html`<h3>${measure.title(common)}</h3><div class="charts">${charts}</div>${tests}`;
  });
  const tested = seedsTested(summary);
  const family = mainTests(summary).length;
  const said =
    tested < 2
      ? "There is one seed: no interval can be drawn and no difference tested."
      : `Tests: each level against the reference (grey), paired by seed and all other settings, two-sided; Holm's correction for the ${count(family)} tests of a measure. "Seeds for 80 %": how many a true difference of that size and spread takes to be found at p < .05 in 80 % of sweeps. A bootstrap over few seeds gives intervals on the narrow side: the t-test is the stricter of the two.`;
  return section(
    "effects",
    "What each level did",
    html`<p>A level's mean is over all combinations of the other settings that have finished with every level of this one, so that no level is favoured by what it was combined with; first within a seed, then over seeds. ${said} The first measure was fixed beforehand as the main one; the others are for orientation.</p>`,
    parts,
  );
}

/** Where the cells are no grid, how the main measure goes with each number. */
export function trendsSection({ trends, finished, common }: SweepSummary): Markup | null {
  if (trends.length === 0) return null;
  return section(
    "trends",
    "Which way the numbers go",
    html`<p>Spearman's rank correlation of each varied number with the main measure over the ${count(finished.length)} finished cells: 1 where more is always better, −1 where it is always worse. Not a test: cells of one seed are not independent.</p>`,
    table({
      caption: `${measureOf(MAIN_MEASURE).title(common)}: rank correlation`,
      head: ["setting", "values", "correlation"],
      rows: trends.map(({ setting, values, correlation }) => [setting, values, decimal(correlation, 2)]),
    }),
  );
}

export function interactionsSection({ factors, interactions, common }: SweepSummary): Markup {
  const measure = measureOf(MAIN_MEASURE);
  const factorOf = (key: string): Factor =>
    at(
      factors,
      factors.findIndex((factor) => factor.key === key),
    );
  const parts = interactions.map(({ factors: [a, b], rows, columns, cells, contrasts }) => {
    const [first, second] = [factorOf(a), factorOf(b)];
    const name = `${first.name} × ${second.name}`;
    const map = (
      <HeatMapFigure
        title={`${measure.title(common)}: ${name}`}
        heading={name}
        note="The stronger the colour, the higher. Means over the other settings and seeds."
        rowLabel={first.name}
        columnLabel={second.name}
        rows={rows}
        columns={columns}
        values={cells.map((row) => row.map((cell) => cell?.mean ?? null))}
        format={measure.value}
        numbers={{
          caption: `${measure.title(common)}: ${name}`,
          head: [`${first.name}, ${second.name}`, ...columns],
          rows: rows.map((row, r) => [
            row,
            ...at(cells, r).map((cell) => estimate(measure, cell?.mean, cell?.interval)),
          ]),
        }}
      />
    );
    const tests = table({
      caption: `${name}: how far the effect of ${second.name} differs from that at ${levelName(first, first.reference)}`,
      head: [name, ...TEST_HEAD],
      rows: contrasts.map(({ row, column, contrast }) => [
        `${row}, ${column}`,
        ...contrastCells(measure, contrast, false),
      ]),
    });
    return html`<div class="split">${map}<div>${tests}</div></div>`;
  });
  return section(
    "interactions",
    "How the settings work together",
    html`<p>Two settings interact where the effect of one depends on the level of the other. The contrast of a row and a column is what that combination has beyond the sum of both single effects, each seen from the reference levels: 0 where they simply add up. Paired by seed; Holm's correction for all contrasts of this section.</p>`,
    parts,
  );
}

export function varianceSection(summary: SweepSummary): Markup | null {
  const sentence = varianceSentence(summary);
  const main = summary.variance[MAIN_MEASURE];
  if (sentence === null || main === null) return null;
  const share = (measure: Measure, source: string): string => {
    const found = summary.variance[measure.column]?.sources.find((each) => each.source === source);
    return found === undefined ? EMPTY : percent(found.share, 0);
  };
  return section(
    "variance",
    "Where the variance comes from",
    html`<p>${sentence} Shares of the total sum of squares (η²) over the seeds whose whole grid has finished; the rest is how seeds differ in the effects, and interactions of three and more settings. A factor with many levels has a share by chance alone, about its degrees of freedom over all of them.</p>`,
    table({
      caption: "Share of the variance between cells",
      head: ["source", "degrees of freedom", ...MEASURES.map(({ short }) => short)],
      rows: main.sources.map(({ source, degrees }) => [
        source,
        degrees,
        ...MEASURES.map((measure) => share(measure, source)),
      ]),
    }),
  );
}

/** As many lines as can be told apart at a glance. */
const LINES = 8;

/** Where a seed has several runs, it counts with their mean, so that the interval is over seeds. */
function seedCurves(runs: readonly SeedRun[], axis: Axis): Curve[] {
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  return seeds.map((seed) => {
    const cells = runs.filter((run) => run.seed === seed).map((run) => along(run, axis));
    return meanCurve(cells, axis, false).points.map(({ x, y }) => ({ samples: x, value: y }));
  });
}

function curveFigure(factor: Factor, runs: readonly { level: string; run: SeedRun }[], axis: Axis): JSX.Element {
  const [chart] = ACCURACY;
  const lines = factor.levels.flatMap((level, colour) => {
    const own = runs.filter((each) => each.level === level).map(({ run }) => run);
    const { points } = meanCurve(seedCurves(own, axis), axis);
    return points.length === 0 ? [] : [{ name: levelName(factor, level), colour, points }];
  });
  return (
    <LineFigure
      chart={{
        title: `${chart?.title}, by ${factor.name}`,
        heading: `Over ${AXIS_NAMES[axis]}`,
        xLabel: AXIS_NAMES[axis],
        x: axisQuantity(axis),
        y: SHARE,
        lines,
      }}
    />
  );
}

export function curvesSection({ curves }: SweepContents, { factors, finished }: SweepSummary): Markup | null {
  const drawn = factors.flatMap((factor, i) => (factor.levels.length <= LINES ? [{ factor, i }] : []));
  if (drawn.length === 0) return null;
  const charts = drawn.map(({ factor, i }) => {
    const runs = finished.flatMap(({ name, levels }) => {
      const run = curves.get(name);
      return run === undefined ? [] : [{ level: at(levels, i), run }];
    });
    return html`<h3>${factor.name}</h3><div class="charts">${AXES.map((axis) => curveFigure(factor, runs, axis))}</div>`;
  });
  const left = factors.filter(({ levels }) => levels.length > LINES).map(({ name }) => name);
  return section(
    "curves",
    "How each level learned",
    html`<p>Means over all finished cells of a level, each seed counting once; a line ends where the shortest of its runs does. Valid samples were shown to the model; generated ones count the refused placements too.</p>`,
    charts,
    left.length > 0 && html`<p class="note">More than ${LINES} levels, and so no curves: ${left.join(", ")}.</p>`,
  );
}
