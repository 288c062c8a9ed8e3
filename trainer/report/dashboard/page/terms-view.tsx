/** @file The six relation terms: how accurate the model is in each, before and now, and how many pairs the samples had of it until then. */
import { useState } from "preact/hooks";
import { mean } from "../../../mean.js";
import { type MetricColumn, TERM_COLUMNS, TERM_NAMES, type TermColumn } from "../../../run-format/columns.js";
import { Swatch } from "../../charts/lines.js";
import { TERM_ACCURACY, TERM_PAIRS } from "../../charts/list.js";
import { count, percent, points } from "../../format.js";
import { ChartSection } from "./curves-view.js";
import type { RunSeries } from "./series.js";

/** Iterations that every seed has done; one that has only begun is not waited for. */
function commonEnd({ runs }: RunSeries): number {
  const ends = runs.map(({ rows }) => rows.at(-1)?.iteration ?? 0);
  const begun = ends.filter((end) => end > 0);
  return begun.length === 0 ? 0 : Math.min(...begun);
}

/** The mean over seeds; null beyond the end of the first of them. */
function meanAt(series: RunSeries, column: MetricColumn, iteration: number): number | null {
  if (iteration > commonEnd(series)) return null;
  const values = series.runs.flatMap(({ rows }) => rows.find((row) => row.iteration === iteration)?.[column] ?? []);
  return values.length === 0 ? null : mean(values);
}

export function TermsView({ series }: { readonly series: readonly RunSeries[] }) {
  const last = Math.max(0, ...series.map(commonEnd));
  const [requested, setRequested] = useState<number | null>(null);
  // Until an iteration is asked for, the view goes with the newest.
  const iteration = Math.min(requested ?? last, last);
  const most = Math.max(
    1,
    ...series.flatMap((each) => TERM_NAMES.map((term) => meanAt(each, `samples_${term}`, commonEnd(each)) ?? 0)),
  );
  return (
    <>
      <section aria-labelledby="terms-title">
        <h2 id="terms-title">Term by term</h2>
        <label class="slider">
          <span>
            After iteration <output>{iteration}</output>
          </span>
          <input
            type="range"
            min="0"
            max={last}
            value={iteration}
            onInput={(event) => {
              const chosen = Number(event.currentTarget.value);
              setRequested(chosen === last ? null : chosen);
            }}
          />
        </label>
        <p class="note">
          Accuracy on the balanced test set with this term flipped, from 0 to 100 %; the thin line is chance, the thick
          one where the model began. Pairs: how many of the valid samples' pairs had the term until then, means over
          seeds.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls where it is narrow, and a keyboard has to reach it for that */}
        <section class="scroll" tabIndex={0} aria-label="Accuracy and pairs by term">
          <table class="terms">
            <thead>
              <tr>
                <th scope="col">term</th>
                <th scope="col">runs</th>
                <th scope="col" colSpan={2}>
                  accuracy
                </th>
                <th scope="col">gain, points</th>
                <th scope="col" colSpan={2}>
                  pairs so far
                </th>
              </tr>
            </thead>
            {TERM_NAMES.map((term) => (
              <TermRows key={term} term={term} series={series} iteration={iteration} most={most} />
            ))}
          </table>
        </section>
      </section>
      <ChartSection title="Accuracy of each term" charts={TERM_ACCURACY} series={series} axis="iteration" />
      <ChartSection title="Pairs with each term so far" charts={TERM_PAIRS} series={series} axis="iteration" />
    </>
  );
}

interface RowsProps {
  readonly term: TermColumn;
  readonly series: readonly RunSeries[];
  readonly iteration: number;
  readonly most: number;
}

function TermRows({ term, series, iteration, most }: RowsProps) {
  return (
    <tbody>
      {series.map((each, i) => {
        const before = meanAt(each, `accuracy_${term}`, 0);
        const now = meanAt(each, `accuracy_${term}`, iteration);
        const pairs = meanAt(each, `samples_${term}`, iteration);
        return (
          <tr key={each.key}>
            {i === 0 && (
              <th scope="rowgroup" rowSpan={series.length}>
                {TERM_COLUMNS[term]}
              </th>
            )}
            <th scope="row" class="run-name">
              <Swatch colour={each.colour} /> <span>{each.name}</span>
            </th>
            <td class="bar-cell">
              <Bar share={now ?? 0} colour={each.colour} before={before} />
            </td>
            <td>{percent(now)}</td>
            <td>{now === null || before === null ? "–" : points(now - before)}</td>
            <td class="bar-cell pairs">
              <Bar share={(pairs ?? 0) / most} colour={each.colour} before={null} />
            </td>
            <td>{count(pairs)}</td>
          </tr>
        );
      })}
    </tbody>
  );
}

interface BarProps {
  readonly share: number;
  readonly colour: number;
  /** For an accuracy, where it began: such a bar shows chance, too. */
  readonly before: number | null;
}

/** Its number stands beside it. */
function Bar({ share, colour, before }: BarProps) {
  return (
    <svg class={`bar-of c${colour}`} viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="2" width="100" height="10" />
      <rect class="fill" x="0" y="2" width={100 * Math.min(1, share)} height="10" />
      {before !== null && <path class="chance" d="M50 0V14" />}
      {before !== null && <path class="start" d={`M${100 * before} 0V14`} />}
    </svg>
  );
}
