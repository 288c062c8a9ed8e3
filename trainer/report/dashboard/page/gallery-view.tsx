/** @file Samples of a run that pass a filter: pictures where they were kept, else the room from above, with captions and what the model said. */
import { useState } from "preact/hooks";
import { TERM_COLUMNS } from "../../../run-format/columns.js";
import { Furniture } from "../../charts/rooms.js";
import { CARD_NOTE, describeSample, SampleCard } from "../../charts/sample-card.js";
import { count } from "../../format.js";
import type { RoomOutline, SampleEntry } from "../../world.js";
import type { SamplesDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import type { LiveIndex } from "./live-index.js";
import { Iterations } from "./map-view.js";
import { type RunSeries, runName } from "./series.js";

const PAGE = 24;
const MOST = 96;

const NOTHING = {
  term: "",
  scene: "",
  answered: "",
  scoreFrom: "",
  scoreTo: "",
  marginFrom: "",
  marginTo: "",
  from: "",
  to: "",
  order: "hardest",
  pictures: "1",
};
type Filters = typeof NOTHING;

const ORDERS = {
  hardest: "hardest first",
  score: "lowest score first",
  margin: "smallest margin first",
  newest: "newest first",
};

interface GalleryProps {
  readonly series: readonly RunSeries[];
  readonly index: LiveIndex;
}

export function GalleryView({ series, index }: GalleryProps) {
  const runs = series.flatMap((each) => each.runs.map(({ run }) => run));
  const [wanted, setWanted] = useState("");
  const [filters, setFilters] = useState<Filters>(NOTHING);
  const [limit, setLimit] = useState(PAGE);
  const run = runs.find(({ id }) => id === wanted) ?? runs[0];
  const set = (change: Partial<Filters>): void => {
    setFilters((before) => ({ ...before, ...change }));
    setLimit(PAGE);
  };
  const query = Object.entries({ ...filters, limit: String(limit) }).filter(([, value]) => value !== "");
  const { answers, error, waiting } = useAnswers<SamplesDocument>(
    "/api/v1/samples",
    run === undefined ? [] : [{ run: run.id, ...Object.fromEntries(query) }],
    String(run?.written),
  );
  const [answer] = answers;
  return (
    <section aria-labelledby="gallery-title" aria-busy={waiting}>
      <h2 id="gallery-title">Samples</h2>
      <search class="bar-filters" aria-label="Samples">
        <label>
          Run
          <select value={run?.id} onChange={(event) => setWanted(event.currentTarget.value)}>
            {runs.map((each) => (
              <option key={each.id} value={each.id}>
                {runName(each, index.groups)}
              </option>
            ))}
          </select>
        </label>
        <FilterFields filters={filters} set={set} outlines={answer?.outlines ?? []} last={run?.iteration ?? 0} />
        <button type="button" class="plain" onClick={() => set(NOTHING)}>
          Reset
        </button>
      </search>
      <p role="status" class="found-samples">
        {answer === null || answer === undefined
          ? ""
          : `${count(answer.matching)} of ${count(answer.total)} samples${filters.pictures === "1" ? " (with a picture)" : ""}`}
      </p>
      {error !== null && <p class="problem">{error}</p>}
      {answer?.problems.map((problem) => (
        <p class="problem" key={problem}>
          {problem}
        </p>
      ))}
      {answer !== null && answer !== undefined && run !== undefined && (
        <>
          <ul class="gallery">
            {answer.samples.map((sample) => (
              <Card
                key={`${run.id} ${sample.iteration} ${sample.episode} ${sample.step}`}
                run={run.id}
                sample={sample}
                outline={answer.outlines[sample.scene]}
                drawable={answer.drawable}
              />
            ))}
          </ul>
          {answer.matching > answer.samples.length && limit < MOST && (
            <button type="button" class="more" onClick={() => setLimit(limit + PAGE)}>
              Show more
            </button>
          )}
          {answer.matching > MOST && limit >= MOST && (
            <p class="note">These are the first {MOST}; narrow the filter for others.</p>
          )}
        </>
      )}
      <p class="note">{CARD_NOTE} The pictures that the model saw are kept of the hardest samples of an iteration.</p>
    </section>
  );
}

interface FieldsProps {
  readonly filters: Filters;
  readonly set: (change: Partial<Filters>) => void;
  readonly outlines: readonly RoomOutline[];
  readonly last: number;
}

function FilterFields({ filters, set, outlines, last }: FieldsProps) {
  return (
    <>
      <label>
        Term
        <select value={filters.term} onChange={(event) => set({ term: event.currentTarget.value })}>
          <option value="">all</option>
          {Object.entries(TERM_COLUMNS).map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Scene
        <select value={filters.scene} onChange={(event) => set({ scene: event.currentTarget.value })}>
          <option value="">all</option>
          {outlines.map(({ name }, i) => (
            <option key={name} value={i}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Answered
        <select value={filters.answered} onChange={(event) => set({ answered: event.currentTarget.value })}>
          <option value="">right or wrong</option>
          <option value="wrong">wrong</option>
          <option value="right">right</option>
        </select>
      </label>
      <NumberRange
        name="Score"
        step="0.1"
        from={filters.scoreFrom}
        to={filters.scoreTo}
        limits={["1", "5"]}
        set={(scoreFrom, scoreTo) => set({ scoreFrom, scoreTo })}
      />
      <NumberRange
        name="Margin °"
        step="1"
        from={filters.marginFrom}
        to={filters.marginTo}
        limits={["0", "90"]}
        set={(marginFrom, marginTo) => set({ marginFrom, marginTo })}
      />
      <Iterations last={last} from={filters.from} to={filters.to} set={set} />
      <label>
        Order
        <select value={filters.order} onChange={(event) => set({ order: event.currentTarget.value })}>
          {Object.entries(ORDERS).map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={filters.pictures === "1"}
          onChange={(event) => set({ pictures: event.currentTarget.checked ? "1" : "" })}
        />
        With a picture
      </label>
    </>
  );
}

interface RangeProps {
  readonly name: string;
  readonly step: string;
  readonly from: string;
  readonly to: string;
  readonly limits: readonly [string, string];
  readonly set: (from: string, to: string) => void;
}

function NumberRange({ name, step, from, to, limits: [low, high], set }: RangeProps) {
  return (
    <span class="range">
      <label>
        {name}
        <input
          type="number"
          min={low}
          max={high}
          step={step}
          placeholder={low}
          value={from}
          onInput={(event) => set(event.currentTarget.value, to)}
        />
      </label>
      <label>
        to
        <input
          type="number"
          min={low}
          max={high}
          step={step}
          placeholder={high}
          value={to}
          onInput={(event) => set(from, event.currentTarget.value)}
        />
      </label>
    </span>
  );
}

interface CardProps {
  readonly run: string;
  readonly sample: SampleEntry;
  readonly outline: RoomOutline | undefined;
  readonly drawable: boolean;
}

function Card({ run, sample, outline, drawable }: CardProps) {
  const { iteration, episode, step, scene, captions, image } = sample;
  const room = outline?.name ?? `scene ${scene}`;
  const state = { run, iteration: String(iteration), episode: String(episode), step: String(step) };
  const pictures = {
    seen: image === null ? null : `/picture?${new URLSearchParams({ run, image })}`,
    drawn: drawable ? `/drawn?${new URLSearchParams(state)}` : null,
  };
  const plan = <Plan sample={sample} outline={outline} label={describeSample(room, captions)} />;
  return <SampleCard sample={sample} room={room} pictures={pictures} plan={plan} />;
}

interface PlanProps {
  readonly sample: SampleEntry;
  readonly outline: RoomOutline | undefined;
  readonly label: string;
}

/** The room from above, for a sample without a picture. */
function Plan({ sample: { objects, slot }, outline, label }: PlanProps) {
  const [width, , depth] = outline?.size ?? [2000, 1600, 2000];
  return (
    <svg
      class="plan"
      role="img"
      aria-label={`From above: ${label}`}
      viewBox={`${-width / 2} ${-depth / 2} ${width} ${depth}`}
    >
      {outline !== undefined && <Furniture outline={outline} />}
      {objects.map(({ name, at: [x = 0, , z = 0], size: [w = 300, , d = 300] }, i) => (
        <g class={i === slot ? "moved" : "there"} key={name}>
          <rect x={x - w / 2} y={z - d / 2} width={w} height={d} rx="40" />
          <text x={x} y={z + 40} text-anchor="middle">
            {name}
          </text>
        </g>
      ))}
    </svg>
  );
}
