/** @file Rooms from above: where the moved objects went, and where the model answered wrong. */
import { useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Swatch } from "../../charts/lines.js";
import { busiest, MapScale, RoomMaps, type Shown, sceneTable } from "../../charts/rooms.js";
import { DataTable, type Table, tableOf } from "../../charts/table.js";
import { count, percent } from "../../format.js";
import type { MapDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import { Choice, NumberRange, Problems, queryOf, Select } from "./fields.js";
import { LazyNumbers } from "./live-figure.js";
import { nameAmong, type ViewProps } from "./series.js";

/** Runs side by side; more is a list to scroll through, not a comparison. */
const MOST_RUNS = 4;

const NOTHING = { object: "", surface: "", from: "", to: "" };

const SHOWN = [
  ["placed", "valid placements"],
  ["wrong", "share of captions answered wrong"],
] as const;
const SURFACES = [
  ["", "floor or furniture"],
  ["floor", "the floor"],
  ["furniture", "furniture"],
] as const;

export function MapView({ series, index }: ViewProps) {
  const [shown, setShown] = useState<Shown>("placed");
  const [filters, setFilters] = useState(NOTHING);
  const set = (change: Partial<typeof NOTHING>): void => setFilters((before) => ({ ...before, ...change }));
  const looked = series.slice(0, MOST_RUNS).map(({ runs, colour }) => ({ colour, run: at(runs, 0).run }));
  const runs = looked.map(({ run }) => run);
  const { answers, error, waiting } = useAnswers<MapDocument>(
    "/api/v1/map",
    looked.map(({ run }) => queryOf(run.id, filters)),
    looked.map(({ run }) => run.written).join(" "),
  );
  const found = answers.flatMap((answer) => answer ?? []);
  const objects = (found[0]?.objects ?? []).map((name, i) => [i, name] as const);
  const last = Math.max(1, ...found.map(({ lastIteration }) => lastIteration));
  const most = busiest(found.flatMap(({ scenes }) => scenes));
  return (
    <section aria-labelledby="map-title" aria-busy={waiting}>
      <h2 id="map-title">{shown === "placed" ? "Where the objects were put" : "Where the model answered wrong"}</h2>
      <Choice name="Show" value={shown} options={SHOWN} set={(value) => setShown(value as Shown)} />
      <div class="bar-filters">
        <Select
          name="Object"
          value={filters.object}
          options={[["", "all"], ...objects]}
          set={(object) => set({ object })}
        />
        <Select name="Put on" value={filters.surface} options={SURFACES} set={(surface) => set({ surface })} />
        <NumberRange
          name="Iterations"
          value={[filters.from, filters.to]}
          limits={[1, last]}
          set={(from, to) => set({ from, to })}
        />
      </div>
      <p class="note">
        The objects that the agent moved in valid samples, seen from above, with the camera at the bottom and furniture
        in outline. The larger and stronger a square, the more.{" "}
        {series.some(({ runs }) => runs.length > 1) && "The first seed of each. "}
        {series.length > MOST_RUNS && `The first ${MOST_RUNS} of ${series.length}. `}
      </p>
      <MapScale shown={shown} most={most} />
      <Problems of={[error]} />
      {looked.map(({ colour, run }) => {
        // While answers are awaited, those of the runs before are still there.
        const answer = found.find((own) => own.run === run.id);
        const name = nameAmong(run, runs, index.groups);
        return answer && <RunMaps key={run.id} {...{ name, colour, answer, shown, most }} />;
      })}
    </section>
  );
}

interface RunMapsProps {
  readonly name: string;
  readonly colour: number;
  readonly answer: MapDocument;
  readonly shown: Shown;
  readonly most: number;
}

function RunMaps({ name, colour, answer, shown, most }: RunMapsProps) {
  const numbers = sceneTable(name, answer.scenes, answer.outlines);
  const [, placed, raised, , wrong] = at(numbers.rows, numbers.rows.length - 1);
  return (
    <>
      <h3 class="run-title">
        <Swatch colour={colour} /> {name}
        <span>
          {placed} placed, {raised} of them on furniture, {wrong} of their captions answered wrong
        </span>
      </h3>
      <Problems of={answer.problems} />
      {answer.scenes.length === 0 ? (
        <p class="note">Its configuration has no catalog of rooms to draw.</p>
      ) : (
        <>
          <RoomMaps {...answer} colour={colour} shown={shown} most={most} />
          <LazyNumbers of={name} title="Numbers by scene">
            {() => <DataTable {...numbers} />}
          </LazyNumbers>
          <LazyNumbers of={name} title="Numbers by place">
            {() => <DataTable {...placeTable(name, answer)} />}
          </LazyNumbers>
        </>
      )}
    </>
  );
}

const MOST_CELLS = 40;

/** The cells in which most was answered wrong. */
function placeTable(name: string, { scenes, outlines, side }: MapDocument): Table {
  const cells = scenes
    .flatMap(({ scene, cells }) => cells.map(([cell, placed, asked, wrong]) => ({ scene, cell, placed, asked, wrong })))
    .sort((a, b) => b.wrong - a.wrong || b.placed - a.placed)
    .slice(0, MOST_CELLS);
  const metres = (index: number, length: number): string =>
    ((((index + 0.5) / side - 0.5) * length) / 1000).toFixed(2).replace("-", "−");
  const placeOf = ({ scene, cell }: (typeof cells)[number]): string => {
    const { name, size } = at(outlines, scene);
    return `${name}, ${metres(cell % side, size[0])}, ${metres(Math.floor(cell / side), size[2])}`;
  };
  return tableOf(`${name}, the places with most wrong answers`, cells, [
    ["scene, x and z in m", placeOf],
    ["placed", ({ placed }) => count(placed)],
    ["captions", ({ asked }) => count(asked)],
    ["answered wrong", ({ asked, wrong }) => asked > 0 && percent(wrong / asked, 0)],
  ]);
}
