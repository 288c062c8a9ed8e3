/** @file Samples of a run that pass a filter: pictures where they were kept, else the room from above, with captions and what the model said. */
import { useState } from "preact/hooks";
import { TERM_COLUMNS } from "../../../run-format/columns.js";
import { Furniture } from "../../charts/rooms.js";
import { CARD_NOTE, describeSample, SampleCard } from "../../charts/sample-card.js";
import { count } from "../../format.js";
import type { RoomOutline, SampleEntry } from "../../world.js";
import type { SamplesDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import { Check, NumberRange, Problems, queryOf, Select } from "./fields.js";
import { nameAmong, type ViewProps } from "./series.js";

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

const ORDERS = [
  ["hardest", "hardest first"],
  ["score", "lowest score first"],
  ["margin", "smallest margin first"],
  ["newest", "newest first"],
] as const;
const ANSWERS = [
  ["", "right or wrong"],
  ["wrong", "wrong"],
  ["right", "right"],
] as const;
const ALL = ["", "all"] as const;

export function GalleryView({ series, index }: ViewProps) {
  const runs = series.flatMap((each) => each.runs.map(({ run }) => run));
  const [wanted, setWanted] = useState("");
  const [filters, setFilters] = useState<Filters>(NOTHING);
  const [limit, setLimit] = useState(PAGE);
  const run = runs.find(({ id }) => id === wanted) ?? runs[0];
  const set = (change: Partial<Filters>): void => {
    setFilters((before) => ({ ...before, ...change }));
    setLimit(PAGE);
  };
  const { answers, error, waiting } = useAnswers<SamplesDocument>(
    "/api/v1/samples",
    run === undefined ? [] : [queryOf(run.id, { ...filters, limit: String(limit) })],
    String(run?.written),
  );
  const answer = answers[0] ?? null;
  const withPicture = filters.pictures === "1" ? " (with a picture)" : "";
  return (
    <section aria-labelledby="gallery-title" aria-busy={waiting}>
      <h2 id="gallery-title">Samples</h2>
      <search class="bar-filters" aria-label="Samples">
        <Select
          name="Run"
          value={run?.id ?? ""}
          options={runs.map((each) => [each.id, nameAmong(each, runs, index.groups)])}
          set={setWanted}
        />
        <FilterFields
          filters={filters}
          set={set}
          outlines={answer?.outlines ?? []}
          last={Math.max(1, run?.iteration ?? 1)}
        />
        <button type="button" class="plain" onClick={() => set(NOTHING)}>
          Reset
        </button>
      </search>
      <p role="status" class="found-samples">
        {answer !== null && `${count(answer.matching)} of ${count(answer.total)} samples${withPicture}`}
      </p>
      <Problems of={[error, ...(answer?.problems ?? [])]} />
      {answer !== null && (
        <>
          <ul class="gallery">
            {answer.samples.map((sample) => (
              <Card
                key={`${answer.run} ${sample.iteration} ${sample.episode} ${sample.step}`}
                {...{ answer, sample }}
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
  const { term, scene, answered, scoreFrom, scoreTo, marginFrom, marginTo, from, to, order, pictures } = filters;
  const scenes = outlines.map(({ name }, i) => [i, name] as const);
  return (
    <>
      <Select name="Term" value={term} options={[ALL, ...Object.entries(TERM_COLUMNS)]} set={(term) => set({ term })} />
      <Select name="Scene" value={scene} options={[ALL, ...scenes]} set={(scene) => set({ scene })} />
      <Select name="Answered" value={answered} options={ANSWERS} set={(answered) => set({ answered })} />
      <NumberRange
        name="Score"
        value={[scoreFrom, scoreTo]}
        limits={[1, 5]}
        step={0.1}
        set={(scoreFrom, scoreTo) => set({ scoreFrom, scoreTo })}
      />
      <NumberRange
        name="Margin °"
        value={[marginFrom, marginTo]}
        limits={[0, 90]}
        set={(marginFrom, marginTo) => set({ marginFrom, marginTo })}
      />
      <NumberRange name="Iterations" value={[from, to]} limits={[1, last]} set={(from, to) => set({ from, to })} />
      <Select name="Order" value={order} options={ORDERS} set={(order) => set({ order })} />
      <Check
        name="With a picture"
        checked={pictures === "1"}
        set={(checked) => set({ pictures: checked ? "1" : "" })}
      />
    </>
  );
}

interface CardProps {
  readonly answer: SamplesDocument;
  readonly sample: SampleEntry;
}

function Card({ answer: { run, outlines, drawable }, sample }: CardProps) {
  const { iteration, episode, step, scene, captions, image } = sample;
  const outline = outlines[scene];
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
