/** @file Rooms from above: where the moved objects went, and where the model answered wrong. */

import { useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Swatch } from "../../charts/lines.js";
import { busiest, MapScale, RoomMaps, type Shown, sceneTable } from "../../charts/rooms.js";
import { DataTable } from "../../charts/table.js";
import { count, percent } from "../../format.js";
import type { MapDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import { LazyNumbers } from "./live-figure.js";
import type { LiveIndex } from "./live-index.js";
import { type RunSeries, runName } from "./series.js";

/** Runs side by side; more is a list to scroll through, not a comparison. */
const MOST_RUNS = 4;
interface Filters {
  readonly object: string;
  readonly surface: string;
  readonly from: string;
  readonly to: string;
}

const given = (filters: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== ""));

interface MapProps {
  readonly series: readonly RunSeries[];
  readonly index: LiveIndex;
}

export function MapView({ series, index }: MapProps) {
  const [shown, setShown] = useState<Shown>("placed");
  const [filters, setFilters] = useState<Filters>({ object: "", surface: "", from: "", to: "" });
  const set = (change: Partial<Filters>): void => setFilters((before) => ({ ...before, ...change }));
  const runs = series.map(({ runs: seeds, ...rest }) => ({ ...rest, ...at(seeds, 0) }));
  const looked = runs.slice(0, MOST_RUNS);
  const { answers, error, waiting } = useAnswers<MapDocument>(
    "/api/v1/map",
    looked.map(({ run }) => ({ run: run.id, ...given({ ...filters }) })),
    looked.map(({ run }) => run.written).join(" "),
  );
  const [any] = answers.flatMap((answer) => answer ?? []);
  const last = Math.max(0, ...answers.map((answer) => answer?.lastIteration ?? 0));
  const most = busiest(answers.flatMap((answer) => answer?.scenes ?? []));
  return (
    <section aria-labelledby="map-title" aria-busy={waiting}>
      <h2 id="map-title">{shown === "placed" ? "Where the objects were put" : "Where the model answered wrong"}</h2>
      <fieldset class="choice">
        <legend>Show</legend>
        {(["placed", "wrong"] as const).map((name) => (
          <label key={name}>
            <input type="radio" name="shown" checked={shown === name} onChange={() => setShown(name)} />
            {name === "placed" ? "valid placements" : "share of captions answered wrong"}
          </label>
        ))}
      </fieldset>
      <div class="bar-filters">
        <label>
          Object
          <select value={filters.object} onChange={(event) => set({ object: event.currentTarget.value })}>
            <option value="">all</option>
            {any?.objects.map((name, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Put on
          <select value={filters.surface} onChange={(event) => set({ surface: event.currentTarget.value })}>
            <option value="">floor or furniture</option>
            <option value="floor">the floor</option>
            <option value="furniture">furniture</option>
          </select>
        </label>
        <Iterations last={last} from={filters.from} to={filters.to} set={set} />
      </div>
      <p class="note">
        Seen from above, the camera at the bottom, furniture in outline; the objects that the agent moved in valid
        samples. The larger and stronger a square, the more.{" "}
        {series.some(({ runs: each }) => each.length > 1) && "The first seed of each. "}
        {runs.length > MOST_RUNS && `The first ${MOST_RUNS} of ${runs.length}. `}
      </p>
      <MapScale shown={shown} most={most} />
      {error !== null && <p class="problem">{error}</p>}
      {looked.map(({ key, colour, run }, i) => {
        const answer = answers[i];
        return answer === null || answer === undefined ? null : (
          <RunMaps
            key={key}
            name={runName(run, index.groups)}
            colour={colour}
            answer={answer}
            shown={shown}
            most={most}
          />
        );
      })}
    </section>
  );
}

interface IterationsProps {
  readonly last: number;
  readonly from: string;
  readonly to: string;
  readonly set: (change: { from?: string; to?: string }) => void;
}

export function Iterations({ last, from, to, set }: IterationsProps) {
  return (
    <span class="range">
      <label>
        Iterations
        <input
          type="number"
          min="1"
          max={last || undefined}
          placeholder="1"
          value={from}
          onInput={(event) => set({ from: event.currentTarget.value })}
        />
      </label>
      <label>
        to
        <input
          type="number"
          min="1"
          max={last || undefined}
          placeholder={String(last || "")}
          value={to}
          onInput={(event) => set({ to: event.currentTarget.value })}
        />
      </label>
    </span>
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
      {answer.problems.map((problem) => (
        <p class="problem" key={problem}>
          {problem}
        </p>
      ))}
      {answer.scenes.length === 0 ? (
        <p class="note">Its configuration has no catalog of rooms to draw.</p>
      ) : (
        <>
          <RoomMaps {...answer} colour={colour} shown={shown} most={most} />
          <LazyNumbers of={name} title="Numbers by scene">
            {() => <DataTable {...numbers} />}
          </LazyNumbers>
          <LazyNumbers of={name} title="Numbers by place">
            {() => (
              <DataTable
                caption={`${name}, the places with most wrong answers`}
                head={["scene, x and z in m", "placed", "captions", "answered wrong"]}
                rows={cellRows(answer)}
              />
            )}
          </LazyNumbers>
        </>
      )}
    </>
  );
}

const MOST_CELLS = 40;

/** The cells in which most was answered wrong. */
function cellRows({ scenes, outlines, side }: MapDocument): string[][] {
  return scenes
    .flatMap(({ scene, cells }) => cells.map((cell) => ({ scene, cell })))
    .sort((a, b) => b.cell[3] - a.cell[3] || b.cell[1] - a.cell[1])
    .slice(0, MOST_CELLS)
    .map(({ scene, cell: [cell, placed, captions, wrong] }) => {
      const {
        name,
        size: [width, , depth],
      } = at(outlines, scene);
      const metres = (cells: number, length: number): string =>
        ((((cells + 0.5) / side - 0.5) * length) / 1000).toFixed(2).replace("-", "−");
      const place = `${metres(cell % side, width)}, ${metres(Math.floor(cell / side), depth)}`;
      return [`${name}, ${place}`, count(placed), count(captions), captions === 0 ? "–" : percent(wrong / captions, 0)];
    });
}
