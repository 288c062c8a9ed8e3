/** @file How the runs went: relation terms, valid rate and reasons, rewards, losses, and the table of iterations. */
import type { MetricColumn } from "../../run-format/columns.js";
import { commonEnd, hasUnequalSeeds, meanAt } from "../charts/curves.js";
import { LineFigure } from "../charts/lines.js";
import { type Chart, INVALID, LEARNING, PLACEMENTS, REWARD, TERM_ACCURACY } from "../charts/list.js";
import { type Column, DataTable, tableOf } from "../charts/table.js";
import { Terms } from "../charts/terms.js";
import { isMeasured, lineChartOf, Tracked } from "../charts/tracked.js";
import { count, decimal, percent, plural } from "../format.js";
import type { Arm } from "./contents.js";
import type { Section } from "./page.js";

/** Accuracy of each term before and after, and how often the samples had it. */
export const termsSection = (arms: readonly Arm[]): Section | null =>
  isMeasured(TERM_ACCURACY, arms)
    ? { id: "terms", name: "Terms", title: "Term by term", body: <Terms arms={arms} /> }
    : null;

const Curves = ({ charts, arms }: { readonly charts: readonly Chart[]; readonly arms: readonly Arm[] }) => (
  <Tracked
    charts={charts}
    arms={arms}
    figure={(chart) => <LineFigure chart={lineChartOf(arms, chart, "iteration")} />}
  />
);

/** Its charts by iteration; null where none was measured. */
const trackedSection = (section: Section, charts: readonly Chart[], arms: readonly Arm[]): Section | null =>
  isMeasured(charts, arms) ? { ...section, body: <Curves charts={charts} arms={arms} /> } : null;

export const placementsSection = (arms: readonly Arm[], note: string): Section | null =>
  trackedSection(
    { id: "validity", name: "Validity", title: "Valid and invalid placements", note },
    [...PLACEMENTS, ...INVALID],
    arms,
  );

export const rewardsSection = (arms: readonly Arm[]): Section | null =>
  trackedSection({ id: "rewards", name: "Rewards", title: "What the agent earned" }, REWARD, arms);

const COLUMNS: readonly [MetricColumn, string, (value: number | null) => string][] = [
  ["generated", "generated", count],
  ["valid", "valid", count],
  ["validRate", "valid rate", (value) => percent(value)],
  ["accuracyOneTerm", "one term", (value) => percent(value)],
  ["accuracyFull", "full flip", (value) => percent(value)],
  ["naturalOneTerm", "natural, one term", (value) => percent(value)],
  ["naturalFull", "natural, full flip", (value) => percent(value)],
  ["score", "S", (value) => decimal(value, 2)],
  ["hardness", "h", (value) => decimal(value, 3)],
  ["rewardFeasibility", "reward ±1", (value) => decimal(value, 2)],
  ["rewardExtrinsic", "reward β, all steps", (value) => decimal(value, 2)],
  ["fineTuneLoss", "loss", (value) => decimal(value, 3)],
  ["gradientNorm", "gradient", (value) => decimal(value, 2)],
  ["kl", "KL", (value) => decimal(value, 2)],
  ["temperature", "α", (value) => decimal(value, 3)],
];

function IterationTable({ arm, feasibility }: { readonly arm: Arm; readonly feasibility: string }) {
  const iterations = Array.from({ length: commonEnd(arm) + 1 }, (_, iteration) => iteration);
  const seeds = arm.runs.length === 1 ? "" : `, means over ${plural(arm.runs.length, "seed")}`;
  const until = hasUnequalSeeds(arm) ? ", as far as the shortest of them goes" : "";
  const columns = COLUMNS.map(
    ([column, title, format]): Column<number> => [title, (iteration) => format(meanAt(arm, column, iteration))],
  );
  const caption = `${arm.name}${seeds}${until}. ${feasibility}`;
  return <DataTable {...tableOf(caption, iterations, [["iteration", (iteration) => iteration], ...columns])} />;
}

/** Every iteration in numbers, and the losses as curves. */
export const iterationsSection = (arms: readonly Arm[], feasibility: string): Section => ({
  id: "iterations",
  name: "Iterations",
  title: "Iteration by iteration",
  body: (
    <>
      {arms.map((arm, i) =>
        arms.length === 1 ? (
          <IterationTable arm={arm} feasibility={feasibility} />
        ) : (
          <details open={i === 0}>
            <summary>{arm.name}</summary>
            <IterationTable arm={arm} feasibility={feasibility} />
          </details>
        ),
      )}
      <Curves charts={LEARNING} arms={arms} />
    </>
  ),
});
