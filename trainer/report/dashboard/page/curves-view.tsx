/** @file Curves of all that a run measures: accuracy, validity, parts of the reward, losses. */
import { useEffect, useState } from "preact/hooks";
import { ACCURACY, type Chart, INVALID, LEARNING, PLACEMENTS, REWARD } from "../../charts/list.js";
import { AXIS_NAMES, type Axis } from "../../charts/quantities.js";
import { isMeasured, MEAN_NOTE, Tracked } from "../../charts/tracked.js";
import type { ChartView, Range } from "../../charts/view.js";
import { Choice } from "./fields.js";
import { LiveFigure } from "./live-figure.js";
import type { RunSeries, ViewProps } from "./series.js";

const SECTIONS: readonly { readonly title: string; readonly charts: readonly Chart[] }[] = [
  { title: "Accuracy", charts: ACCURACY },
  { title: "Placements and reward", charts: [...PLACEMENTS, ...REWARD] },
  { title: "Learning", charts: LEARNING },
  { title: "Invalid placements", charts: INVALID },
];

export function CurvesView({ series, route: { axis, smoothing, range }, navigate }: ViewProps) {
  const onZoom = (chosen: Range | null): void => navigate({ range: chosen });
  return (
    <>
      <div class="choices">
        <Choice
          name="Over"
          value={axis}
          options={Object.entries(AXIS_NAMES)}
          set={(value) => navigate({ axis: value as Axis, range: null })}
        />
        <label class="smoothing">
          Smoothing
          <input
            type="range"
            min="0"
            max="0.99"
            step="0.01"
            value={smoothing}
            onInput={(event) => navigate({ smoothing: Number(event.currentTarget.value) })}
          />
          <output>{smoothing.toFixed(2)}</output>
        </label>
        <Zoom axis={axis} range={range} onZoom={onZoom} />
      </div>
      <p class="note">
        {MEAN_NOTE} Drag over a chart to zoom all of them; a double click shows the whole axis. Smoothing hides the
        bands and shows the unsmoothed line faintly.
      </p>
      {SECTIONS.map(({ title, charts }) => (
        <ChartSection
          key={title}
          title={title}
          charts={charts}
          series={series}
          axis={axis}
          view={{ smoothing, range }}
          onZoom={onZoom}
        />
      ))}
    </>
  );
}

interface ZoomProps {
  readonly axis: Axis;
  readonly range: Range | null;
  readonly onZoom: (range: Range | null) => void;
}

/** The shown part of the axis in numbers, for keyboards. */
function Zoom({ axis, range, onZoom }: ZoomProps) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  // Not by a key: a form made anew would lose the focus.
  useEffect(() => {
    const [first = "", last = ""] = (range ?? []).map((end) => String(Math.round(end)));
    setFrom(first);
    setTo(last);
  }, [axis, range?.[0], range?.[1]]);
  const apply = (event: Event): void => {
    event.preventDefault();
    const chosen = [Number(from), Number(to)] as const;
    onZoom(to !== "" && chosen[0] < chosen[1] ? chosen : null);
  };
  return (
    <form class="zoom" aria-label="Part of the axis" onSubmit={apply}>
      <label>
        From
        <input type="number" min="0" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        to
        <input type="number" min="0" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
        <span class="unseen"> {AXIS_NAMES[axis]}</span>
      </label>
      <button type="submit" class="plain">
        Zoom
      </button>
      {range !== null && (
        <button type="button" class="plain" onClick={() => onZoom(null)}>
          Whole axis
        </button>
      )}
    </form>
  );
}

interface SectionProps {
  readonly title: string;
  readonly charts: readonly Chart[];
  readonly series: readonly RunSeries[];
  readonly axis: Axis;
  readonly view?: ChartView;
  readonly onZoom?: (range: Range | null) => void;
}

export function ChartSection({ title, charts, series, axis, ...view }: SectionProps) {
  if (!isMeasured(charts, series)) return null;
  const id = `section-${title.replaceAll(/\W+/g, "-")}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Tracked
        charts={charts}
        arms={series}
        figure={(chart) => <LiveFigure key={chart.column} {...{ chart, series, axis }} {...view} />}
      />
    </section>
  );
}
