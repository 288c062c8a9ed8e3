/** @file The six relation terms: how accurate the model is in each, before and after any iteration, and over iterations. */
import { useMemo, useState } from "preact/hooks";
import { commonEnd } from "../../charts/curves.js";
import { TERM_ACCURACY, TERM_PAIRS } from "../../charts/list.js";
import { Terms } from "../../charts/terms.js";
import { isMeasured } from "../../charts/tracked.js";
import { ChartSection } from "./curves-view.js";
import type { ViewProps } from "./series.js";

export function TermsView({ series }: ViewProps) {
  const last = Math.max(0, ...series.map(commonEnd));
  const [requested, setRequested] = useState<number | null>(null);
  // Until an iteration is asked for, the view goes with the newest.
  const iteration = Math.min(requested ?? last, last);
  // Intervals take a while.
  const terms = useMemo(
    () => isMeasured(TERM_ACCURACY, series) && <Terms arms={series} iteration={iteration} />,
    [series, iteration],
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
        {terms}
      </section>
      <ChartSection title="Accuracy of each term" charts={TERM_ACCURACY} series={series} axis="iteration" />
      <ChartSection title="Pairs with each term so far" charts={TERM_PAIRS} series={series} axis="iteration" />
    </>
  );
}
