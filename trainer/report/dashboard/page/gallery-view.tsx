/** @file Samples of a run that pass a filter: pictures where they were kept, else the room from above, with captions and what the model said. */
import { useState } from "preact/hooks";
import { type SampleCaption, TERM_COLUMNS } from "../../../run-format/columns.js";
import { capital, count, decimal, percent } from "../../format.js";
import type { SampleEntry, SamplesDocument, SceneOutline } from "../documents.js";
import { useAnswers } from "./ask.js";
import type { LiveIndex } from "./live-index.js";
import { Furniture, Iterations } from "./map-view.js";
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
      <p class="note">
        Below each caption: what the model answered when the sample was made, its probability of the right caption
        against the flipped ones, and the margin, in degrees to the nearest boundary between two relations. A small
        margin means that the picture is near a tie, not that the model is blind. Pictures are kept of the hardest
        samples of an iteration.
      </p>
    </section>
  );
}

interface FieldsProps {
  readonly filters: Filters;
  readonly set: (change: Partial<Filters>) => void;
  readonly outlines: readonly SceneOutline[];
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
  readonly outline: SceneOutline | undefined;
}

function Card({ run, sample, outline }: CardProps) {
  const { iteration, episode, step, scene, captions, score, hardness, kept, image } = sample;
  const room = outline?.name ?? `scene ${scene}`;
  const description = `${capital(room)}. ${captions.map(({ right }) => right).join(" ")}`;
  return (
    <li>
      {image === null ? (
        <Plan sample={sample} outline={outline} label={description} />
      ) : (
        <img
          src={`/picture?${new URLSearchParams({ run, image })}`}
          alt={description}
          width="224"
          height="224"
          loading="lazy"
        />
      )}
      <div>
        {captions.length === 0 ? (
          <p>nothing asked: bases contradict each pair's vertical term</p>
        ) : (
          <dl>
            {captions.map((caption) => (
              <Caption key={caption.right} caption={caption} />
            ))}
          </dl>
        )}
        <p>
          {room} · iteration {iteration}, episode {episode}, step {step} · S {decimal(score, 2)}, h{" "}
          {decimal(hardness, 2)}
          {!kept && " · not fine-tuned on"}
        </p>
      </div>
    </li>
  );
}

function Caption({ caption }: { readonly caption: SampleCaption }) {
  const { prompt, right, said, answer, probability, margin } = caption;
  return (
    <>
      <dt>
        {prompt !== undefined && (
          <>
            {prompt}
            <br />
          </>
        )}
        {capital(right)}
      </dt>
      <dd>
        {answer === undefined ? (
          <span class="right">✓ {said === undefined ? "answered right" : "right one likeliest"}</span>
        ) : (
          <>
            <span class="wrong">
              ✗ {said === undefined ? "answered" : "likeliest"} “{differing(answer, right)}”
            </span>
            , not “{differing(right, answer)}”
          </>
        )}
        {said !== undefined && (
          <>
            <br />
            said “{said}”
          </>
        )}
        <br />
        probability {percent(probability, 0)} · margin {margin.toFixed(0)}°
      </dd>
    </>
  );
}

/** The words of a caption from the first to the last in which it differs from the other. */
function differing(caption: string, other: string): string {
  const [words, others] = [caption.replace(/\.$/, "").split(" "), other.replace(/\.$/, "").split(" ")];
  let start = 0;
  while (start < words.length && words[start] === others[start]) start += 1;
  let end = 0;
  while (end < words.length - start && end < others.length - start && words.at(-1 - end) === others.at(-1 - end)) {
    end += 1;
  }
  return words.slice(start, words.length - end).join(" ");
}

interface PlanProps {
  readonly sample: SampleEntry;
  readonly outline: SceneOutline | undefined;
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
