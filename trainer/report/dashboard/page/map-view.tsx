/** @file Rooms from above: where the moved objects went, and where the model answered wrong. */

import { useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Swatch } from "../../charts/lines.js";
import { DataTable } from "../../charts/table.js";
import { capital, count, percent } from "../../format.js";
import type { MapDocument, SceneOutline, ScenePlacements } from "../documents.js";
import { useAnswers } from "./ask.js";
import { LazyNumbers } from "./live-figure.js";
import type { LiveIndex } from "./live-index.js";
import { type RunSeries, runName } from "./series.js";

/** Runs side by side; more is a list to scroll through, not a comparison. */
const MOST_RUNS = 4;
const LEVELS = 5;
/** Shares of wrong answers at which the next level begins. */
const WRONG = [0.15, 0.3, 0.45, 0.6];
/** A share of fewer captions than this says nothing. */
const FEW = 6;

type Shown = "placed" | "wrong";

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
  const most = busy(answers.flatMap((answer) => answer?.scenes ?? []));
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
      <Scale shown={shown} most={most} />
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

/** The count from which a cell has the strongest level: at 98 % of the cells, so that one hot spot does not bleach the rest. */
function busy(scenes: readonly ScenePlacements[]): number {
  const counts = scenes.flatMap(({ cells }) => cells.map(([, placed]) => placed)).sort((a, b) => a - b);
  return Math.max(LEVELS, counts[Math.floor(counts.length * 0.98)] ?? 1);
}

const levelOfCount = (placed: number, most: number): number => Math.min(LEVELS, Math.ceil((LEVELS * placed) / most));
const levelOfShare = (share: number): number => 1 + WRONG.filter((limit) => share >= limit).length;

function Scale({ shown, most }: { readonly shown: Shown; readonly most: number }) {
  const texts =
    shown === "placed"
      ? Array.from({ length: LEVELS }, (_, i) => {
          const [from, to] = [Math.floor((i * most) / LEVELS) + 1, Math.floor(((i + 1) * most) / LEVELS)];
          return i === LEVELS - 1 ? `${from} or more` : from === to ? String(from) : `${from} to ${to}`;
        })
      : ["under 15 %", "15 to 30 %", "30 to 45 %", "45 to 60 %", "60 % or more"];
  return (
    <ul class={`legend scale ${shown === "wrong" ? "failed" : "c0"}`}>
      {texts.map((text, i) => (
        <li key={text}>
          <svg width="14" height="14" viewBox="0 0 100 100" aria-hidden="true">
            <Square x={0} y={0} side={100} level={i + 1} />
          </svg>
          {text}
        </li>
      ))}
      {shown === "wrong" && (
        <li>
          <svg width="14" height="14" viewBox="0 0 100 100" aria-hidden="true">
            <circle class="few" cx="50" cy="50" r="14" />
          </svg>
          fewer than {FEW} captions
        </li>
      )}
    </ul>
  );
}

/** Level by size and by strength, so that neither has to be seen. */
function Square({ x, y, side, level }: { x: number; y: number; side: number; level: number }) {
  const drawnSide = side * (0.4 + 0.12 * level);
  const inset = (side - drawnSide) / 2;
  return <rect class={`cell l${level}`} x={x + inset} y={y + inset} width={drawnSide} height={drawnSide} />;
}

interface RunMapsProps {
  readonly name: string;
  readonly colour: number;
  readonly answer: MapDocument;
  readonly shown: Shown;
  readonly most: number;
}

const share = (part: number, of: number): string => (of === 0 ? "–" : percent(part / of));

function sceneRows({ scenes, outlines }: MapDocument): string[][] {
  const row = (name: string, of: readonly ScenePlacements[]): string[] => {
    const total = (count: (scene: ScenePlacements) => number): number =>
      of.reduce((sum, scene) => sum + count(scene), 0);
    const placed = total((scene) => scene.placed);
    const captions = total((scene) => scene.asked);
    const raised = total((scene) => scene.raised);
    const wrong = total((scene) => scene.wrong);
    return [name, count(placed), share(raised, placed), count(captions), share(wrong, captions)];
  };
  const each = scenes.map((scene) => row(capital(at(outlines, scene.scene).name), [scene]));
  return [...each, row("All", scenes)];
}

function RunMaps({ name, colour, answer, shown, most }: RunMapsProps) {
  const rows = sceneRows(answer);
  const [, placed, raised, , wrong] = at(rows, rows.length - 1);
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
          <div class={`maps ${shown === "wrong" ? "failed" : `c${colour}`}`}>
            {answer.scenes.map((scene) => (
              <SceneMap
                key={scene.scene}
                scene={scene}
                outline={at(answer.outlines, scene.scene)}
                side={answer.side}
                shown={shown}
                most={most}
              />
            ))}
          </div>
          <LazyNumbers of={name} title="Numbers by scene">
            {() => (
              <DataTable
                caption={`${name}, by scene`}
                head={["scene", "valid placements", "on furniture", "captions of the moved object", "answered wrong"]}
                rows={rows}
              />
            )}
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

interface SceneMapProps {
  readonly scene: ScenePlacements;
  readonly outline: SceneOutline;
  readonly side: number;
  readonly shown: Shown;
  readonly most: number;
}

export const Furniture = ({ outline }: { readonly outline: SceneOutline }) => (
  <>
    {outline.furniture.map(({ x: [x0, x1], y: [y0], z: [z0, z1] }) => (
      <rect class="furniture" key={`${x0} ${y0} ${z0}`} x={x0} y={z0} width={x1 - x0} height={z1 - z0} />
    ))}
  </>
);

function SceneMap({ scene, outline, side, shown, most }: SceneMapProps) {
  const [width, , depth] = outline.size;
  const [cellWidth, cellDepth] = [width / side, depth / side];
  const wrong = scene.asked === 0 ? "" : `, ${percent(scene.wrong / scene.asked)} of their captions answered wrong`;
  return (
    <figure class="map">
      <svg
        role="img"
        aria-label={`${capital(outline.name)} from above: ${count(scene.placed)} placements${wrong}.`}
        viewBox={`${-width / 2} ${-depth / 2} ${width} ${depth}`}
      >
        <Furniture outline={outline} />
        {scene.cells.map(([cell, placed, captions, failed]) => {
          const x = (cell % side) * cellWidth - width / 2;
          const z = Math.floor(cell / side) * cellDepth - depth / 2;
          const isFew = shown === "wrong" && captions < FEW;
          return (
            <g key={cell}>
              <title>{`${placed} placed; ${failed} of ${captions} captions answered wrong`}</title>
              {isFew ? (
                <circle class="few" cx={x + cellWidth / 2} cy={z + cellDepth / 2} r={cellWidth * 0.14} />
              ) : (
                <Square
                  x={x}
                  y={z}
                  side={cellWidth}
                  level={shown === "placed" ? levelOfCount(placed, most) : levelOfShare(failed / captions)}
                />
              )}
            </g>
          );
        })}
      </svg>
      <figcaption>
        {capital(outline.name)}{" "}
        <span>
          {count(scene.placed)}
          <span class="unseen"> placed</span>
        </span>
      </figcaption>
    </figure>
  );
}
