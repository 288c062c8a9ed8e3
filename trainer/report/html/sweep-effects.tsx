/** @file The sections of a sweep's page that show effects: charts of each level, heat maps of pairs, shares of variance, curves. */
import { group } from "d3-array";
import { at } from "../../at.js";
import { AXES, type Axis, type SeedRun } from "../../run-format/summary.js";
import { type Curve, meanCurve } from "../charts/curves.js";
import { DotFigure } from "../charts/dots.js";
import { HeatMapFigure } from "../charts/heat-map.js";
import { LineFigure } from "../charts/lines.js";
import { ACCURACY } from "../charts/list.js";
import { GREY } from "../charts/palette.js";
import { AXIS_NAMES, axisQuantity, SHARE } from "../charts/quantities.js";
import { type Column, DataTable, Estimated, type Table, tableOf } from "../charts/table.js";
import { count, decimal, percent, probability } from "../format.js";
import { along } from "../summary.js";
import { type Factor, isNamed, levelName } from "../sweep/design.js";
import type { Contrast, Interaction, LevelEffect } from "../sweep/effects.js";
import { MAIN, MAIN_MEASURE, MEASURES, type Measure } from "../sweep/measures.js";
import type { SweepContents } from "../sweep/read.js";
import { inOrderShown, mainTests, seedsTested, varianceSentence } from "../sweep/sentences.js";
import type { SweepSummary } from "../sweep/summary.js";
import type { Section } from "./page.js";

type Tested = { readonly contrast: Contrast | null };

/** A paired test; a dash where there is none. */
const testColumns = ({ difference: unit }: Measure): Column<Tested>[] => [
  [
    "difference, points",
    ({ contrast }) => <Estimated of={unit} value={contrast?.difference} interval={contrast?.interval} />,
  ],
  ["paired t-test", ({ contrast }) => contrast?.p != null && probability(contrast.p)],
  ["Holm", ({ contrast }) => contrast?.pHolm != null && probability(contrast.pHolm)],
  ["effect, s.d.", ({ contrast }) => decimal(contrast?.power?.effect, 2)],
  ["seeds for 80 %", ({ contrast }) => count(contrast?.power?.seedsNeeded)],
  ["seeds", ({ contrast }) => contrast?.seeds],
];

interface FactorEffects {
  readonly measure: Measure;
  readonly title: string;
  readonly factor: Factor;
  readonly effects: readonly LevelEffect[];
}

function levelTable({ measure, title, factor, effects }: FactorEffects): Table {
  const isPermuted = effects.some(({ contrast }) => contrast?.pPermutation !== undefined);
  const [difference, ...tests] = testColumns(measure);
  return tableOf(`${title}, by ${factor.name}; differences from ${levelName(factor, factor.reference)}`, effects, [
    [factor.name, ({ level }) => level],
    ["mean", ({ marginal }) => <Estimated of={measure.unit} value={marginal?.mean} interval={marginal?.interval} />],
    [
      "interquartile mean",
      ({ marginal }) => <Estimated of={measure.unit} value={marginal?.iqm} interval={marginal?.iqmInterval} />,
    ],
    ["difference, points", (effect) => (effect.level === factor.reference ? "reference" : difference?.[1](effect))],
    ...tests,
    ...(isPermuted
      ? [
          [
            "permutation",
            ({ contrast }: Tested) => contrast?.pPermutation && probability(contrast.pPermutation),
          ] as const,
        ]
      : []),
  ]);
}

function LevelChart(of: FactorEffects) {
  const { measure, title, factor, effects } = of;
  const rows = effects.flatMap(({ level, marginal }) => {
    if (marginal === null) return [];
    const [low, high] = marginal.interval ?? [];
    const [name, colour] = level === factor.reference ? ["reference", GREY] : [level, 0];
    const range = low === undefined || high === undefined ? {} : { low, high };
    return [{ label: level, before: null, dots: [{ name, colour, value: marginal.mean, ...range }] }];
  });
  if (rows.length === 0) return null;
  return (
    <DotFigure
      title={`${title}, by ${factor.name}`}
      heading={isNamed(factor) ? `By ${factor.name}` : factor.name}
      rows={rows}
      x={measure.unit}
      xLabel={measure.short}
      // Those of the main measure stand below it.
      {...(measure.column !== MAIN_MEASURE && { numbers: levelTable(of) })}
    />
  );
}

const LEVELS =
  "A level's mean is over all combinations of the other settings that have finished with every level of this one, so that no level is favoured by what it was combined with; first within a seed, then over seeds.";
const ONE_SEED = "There is one seed: no interval can be drawn and no difference tested.";
const testsOf = (family: number): string =>
  `Tests: each level against the reference (grey), paired by seed and all other settings, two-sided; Holm's correction for the ${count(family)} tests of a measure. "Seeds for 80 %": how many seeds it takes to find a true difference of that size and spread at p < .05 in 80 % of sweeps. Intervals of means and differences are 95 %, Student's t over seeds; those of interquartile means are percentile bootstraps, which are too narrow over few seeds.`;

/** For each measure a chart for each factor; the tests of the main one stand open. */
export function effectsSection(summary: SweepSummary): Section {
  const said = seedsTested(summary) < 2 ? ONE_SEED : testsOf(mainTests(summary).length);
  return {
    id: "effects",
    name: "Effects",
    title: "What each level did",
    intro: `${LEVELS} ${said} The first measure was fixed beforehand as the main one; the others are for orientation.`,
    body: MEASURES.map((measure) => {
      const title = measure.title(summary.common);
      const shown = summary.factors.map((factor, i) => {
        const effects = inOrderShown(summary, at(summary.effects[measure.column], i));
        return { measure, title, factor, effects };
      });
      return (
        <>
          <h3>{title}</h3>
          <div class="charts">{shown.map(LevelChart)}</div>
          {measure.column === MAIN_MEASURE && shown.map((of) => <DataTable {...levelTable(of)} />)}
        </>
      );
    }),
  };
}

/** Where the cells are no grid, how the main measure goes with each number. */
export function trendsSection({ trends, finished, common }: SweepSummary): Section | null {
  if (trends.length === 0) return null;
  const table = tableOf(`${MAIN.title(common)}: rank correlation`, trends, [
    ["setting", ({ setting }) => setting],
    ["values", ({ values }) => values],
    ["correlation", ({ correlation }) => decimal(correlation, 2)],
  ]);
  return {
    id: "trends",
    name: "Trends",
    title: "Which way the numbers go",
    intro: `Spearman's rank correlation of each varied number with the main measure over the ${count(finished.length)} finished cells: 1 where more is always better, −1 where it is always worse. This is no test: cells of one seed are not independent.`,
    body: <DataTable {...table} />,
  };
}

interface InteractionProps {
  readonly interaction: Interaction;
  readonly factors: readonly Factor[];
  readonly title: string;
}

function InteractionFigure({ interaction, factors, title }: InteractionProps) {
  const { rows, columns, cells, contrasts } = interaction;
  const named = interaction.factors.flatMap((key) => factors.filter((factor) => factor.key === key));
  const [first, second] = [at(named, 0), at(named, 1)];
  const name = `${first.name} × ${second.name}`;
  const numbers = tableOf(
    `${title}: ${name}`,
    [...rows.keys()],
    [
      [`${first.name}, ${second.name}`, (row) => rows[row]],
      ...columns.map(
        (column, c): Column<number> => [
          column,
          (row) => <Estimated of={MAIN.unit} value={cells[row]?.[c]?.mean} interval={cells[row]?.[c]?.interval} />,
        ],
      ),
    ],
  );
  const effect = `how far the effect of ${second.name} differs from that at ${levelName(first, first.reference)}`;
  const tests = tableOf(`${name}: ${effect}`, contrasts, [
    [name, ({ row, column }) => `${row}, ${column}`],
    ...testColumns(MAIN),
  ]);
  return (
    <div class="split">
      <HeatMapFigure
        title={`${title}: ${name}`}
        heading={name}
        note="The stronger the colour, the higher. Means over the other settings and seeds."
        rowLabel={first.name}
        columnLabel={second.name}
        rows={rows}
        columns={columns}
        values={cells.map((row) => row.map((cell) => cell?.mean ?? null))}
        format={MAIN.unit.value}
        numbers={numbers}
      />
      <div>
        <DataTable {...tests} />
      </div>
    </div>
  );
}

/** Null with a single factor. */
export const interactionsSection = ({ factors, interactions, common }: SweepSummary): Section | null =>
  interactions.length === 0
    ? null
    : {
        id: "interactions",
        name: "Interactions",
        title: "How the settings work together",
        intro:
          "Two settings interact where the effect of one depends on the level of the other. The contrast of a row and a column is what that combination has beyond the sum of both single effects, each seen from the reference levels: 0 where they simply add up. Paired by seed; Holm's correction for all contrasts of this section.",
        body: interactions.map((interaction) => (
          <InteractionFigure interaction={interaction} factors={factors} title={MAIN.title(common)} />
        )),
      };

export function varianceSection(summary: SweepSummary): Section | null {
  const { variance } = summary;
  const main = variance[MAIN_MEASURE];
  if (main === null) return null;
  const table = tableOf("Share of the variance between cells", main.sources, [
    ["source", ({ source }) => source],
    ["degrees of freedom", ({ degrees }) => degrees],
    ...MEASURES.map(
      ({ short, column }): Column<{ readonly source: string }> => [
        short,
        ({ source }) => percent(variance[column]?.sources.find((each) => each.source === source)?.share, 0),
      ],
    ),
  ]);
  return {
    id: "variance",
    name: "Variance",
    title: "Where the variance comes from",
    intro: `${varianceSentence(summary)} Shares of the total sum of squares (η²) over the seeds whose whole grid has finished. The rest is how seeds differ in the effects, and interactions of three and more settings. A factor with many levels has a share by chance alone, about its degrees of freedom over all of them.`,
    body: <DataTable {...table} />,
  };
}

/** As many lines as can be told apart at a glance. */
const LINES = 8;

/** Where a seed has several runs, it counts with their mean, so that the interval is over seeds. */
const seedCurves = (runs: readonly SeedRun[], axis: Axis): Curve[] =>
  [...group(runs, ({ seed }) => seed).values()].map((own) => {
    const curves = own.map((run) => along(run, axis));
    return meanCurve(curves, axis, false).points;
  });

interface LevelRun {
  readonly level: string;
  readonly run: SeedRun;
}

function curveFigure(factor: Factor, runs: readonly LevelRun[], axis: Axis) {
  const lines = factor.levels.flatMap((level, colour) => {
    const own = runs.flatMap((each) => (each.level === level ? [each.run] : []));
    const { points } = meanCurve(seedCurves(own, axis), axis);
    return points.length === 0 ? [] : [{ name: levelName(factor, level), colour, points }];
  });
  const title = `${at(ACCURACY, 0).title}, by ${factor.name}`;
  const heading = `Over ${AXIS_NAMES[axis]}`;
  return <LineFigure chart={{ title, heading, xLabel: AXIS_NAMES[axis], x: axisQuantity(axis), y: SHARE, lines }} />;
}

export function curvesSection({ curves }: SweepContents, { factors, finished }: SweepSummary): Section | null {
  const drawn = factors.filter(({ levels }) => levels.length <= LINES);
  if (drawn.length === 0) return null;
  const left = factors.filter((factor) => !drawn.includes(factor)).map(({ name }) => name);
  return {
    id: "curves",
    name: "Curves",
    title: "How each level learned",
    intro:
      "Means over all finished cells of a level, each seed counting once; a line ends where the shortest of its runs does. Valid samples were shown to the model; generated ones count the refused placements too.",
    body: (
      <>
        {drawn.map((factor) => {
          const place = factors.indexOf(factor);
          const runs = finished.flatMap(({ name, levels }) => {
            const run = curves.get(name);
            return run === undefined ? [] : [{ level: at(levels, place), run }];
          });
          return (
            <>
              <h3>{factor.name}</h3>
              <div class="charts">{AXES.map((axis) => curveFigure(factor, runs, axis))}</div>
            </>
          );
        })}
        {left.length > 0 && (
          <p class="note">
            More than {LINES} levels, and so no curves: {left.join(", ")}.
          </p>
        )}
      </>
    ),
  };
}
