/** @file Rooms from above: where objects were put, and where the model answered wrong about them. */
import { at } from "../../at.js";
import { capital, count, percent } from "../format.js";
import type { RoomOutline, ScenePlacements } from "../world.js";
import type { Table } from "./table.js";

const LEVELS = 5;
/** Shares of wrong answers at which the next level begins. */
const WRONG = [0.15, 0.3, 0.45, 0.6];
/** A share of fewer captions than this says nothing. */
const FEW = 6;

export type Shown = "placed" | "wrong";

/** The count from which a cell has the strongest level: at 98 % of the cells, so that one hot spot does not bleach the rest. */
export function busiest(scenes: readonly ScenePlacements[]): number {
  const counts = scenes.flatMap(({ cells }) => cells.map(([, placed]) => placed)).sort((a, b) => a - b);
  return Math.max(LEVELS, counts[Math.floor(counts.length * 0.98)] ?? 1);
}

/** 1 to 5; 0 where there are too few captions to tell. */
function levelOf([, placed, captions, wrong]: ScenePlacements["cells"][number], shown: Shown, most: number): number {
  if (shown === "placed") return Math.min(LEVELS, Math.ceil((LEVELS * placed) / most));
  return captions < FEW ? 0 : 1 + WRONG.filter((limit) => wrong / captions >= limit).length;
}

/** Level by size and by strength, so that neither has to be seen. */
function square(x: number, y: number, side: number, level: number): string {
  const drawn = Math.round(side * (level === 0 ? 0.28 : 0.4 + 0.12 * level));
  const inset = Math.round((side - drawn) / 2);
  return `M${Math.round(x) + inset} ${Math.round(y) + inset}h${drawn}v${drawn}h-${drawn}z`;
}

export const Furniture = ({ outline }: { readonly outline: RoomOutline }) => (
  <>
    {outline.furniture.map(({ x: [x0, x1], z: [z0, z1] }) => (
      <rect class="furniture" x={x0} y={z0} width={x1 - x0} height={z1 - z0} />
    ))}
  </>
);

interface MapProps {
  readonly scene: ScenePlacements;
  readonly outline: RoomOutline;
  readonly side: number;
  readonly shown: Shown;
  readonly most: number;
}

function RoomMap({ scene, outline, side, shown, most }: MapProps) {
  const [width, , depth] = outline.size;
  const levels = Array.from({ length: LEVELS + 1 }, () => "");
  for (const cell of scene.cells) {
    const [place] = cell;
    const x = ((place % side) * width) / side - width / 2;
    const z = (Math.floor(place / side) * depth) / side - depth / 2;
    levels[levelOf(cell, shown, most)] += square(x, z, Math.min(width, depth) / side, levelOf(cell, shown, most));
  }
  const wrong = scene.asked === 0 ? "" : `, ${percent(scene.wrong / scene.asked)} of their captions answered wrong`;
  return (
    <figure class="map">
      <svg
        role="img"
        aria-label={`${capital(outline.name)} from above: ${count(scene.placed)} placements${wrong}.`}
        viewBox={`${-width / 2} ${-depth / 2} ${width} ${depth}`}
        data-placed={scene.placed}
      >
        <Furniture outline={outline} />
        {levels.map((path, level) => path !== "" && <path class={`cell l${level}`} d={path} />)}
      </svg>
      <figcaption>
        {capital(outline.name)} <span>{count(scene.placed)} placed</span>
      </figcaption>
    </figure>
  );
}

interface MapsProps extends Omit<MapProps, "scene" | "outline"> {
  readonly scenes: readonly ScenePlacements[];
  readonly outlines: readonly RoomOutline[];
  /** Place in the palette. */
  readonly colour: number;
}

/** The rooms of one run. */
export const RoomMaps = ({ scenes, outlines, colour, shown, ...rest }: MapsProps) => (
  <div class={`maps ${shown === "wrong" ? "failed" : `c${colour}`}`}>
    {scenes.map((scene) => (
      <RoomMap {...rest} scene={scene} shown={shown} outline={at(outlines, scene.scene)} />
    ))}
  </div>
);

/** What the squares of a map mean. */
export function MapScale({ shown, most }: { readonly shown: Shown; readonly most: number }) {
  const counts = Array.from({ length: LEVELS }, (_, i) => {
    const [from, to] = [Math.floor((i * most) / LEVELS) + 1, Math.floor(((i + 1) * most) / LEVELS)];
    return i === LEVELS - 1 ? `${from} or more` : from === to ? String(from) : `${from} to ${to}`;
  });
  const shares = ["under 15 %", "15 to 30 %", "30 to 45 %", "45 to 60 %", "60 % or more"];
  const texts = shown === "placed" ? ["", ...counts] : [`fewer than ${FEW} captions`, ...shares];
  return (
    <ul class={`legend scale ${shown === "wrong" ? "failed" : "c7"}`}>
      {texts.map(
        (text, level) =>
          text !== "" && (
            <li>
              <svg width={14} height={14} viewBox="0 0 100 100" aria-hidden="true">
                <path class={`cell l${level}`} d={square(0, 0, 100, level)} />
              </svg>
              {text}
            </li>
          ),
      )}
    </ul>
  );
}

const share = (part: number, of: number): string => (of === 0 ? "–" : percent(part / of));

/** The numbers of a run's maps. */
export function sceneTable(
  name: string,
  scenes: readonly ScenePlacements[],
  outlines: readonly RoomOutline[],
): Table & { readonly rows: readonly (readonly string[])[] } {
  const row = (title: string, of: readonly ScenePlacements[]): string[] => {
    const total = (part: (scene: ScenePlacements) => number): number => of.reduce((sum, scene) => sum + part(scene), 0);
    const [placed, captions] = [total((scene) => scene.placed), total((scene) => scene.asked)];
    const [raised, wrong] = [total((scene) => scene.raised), total((scene) => scene.wrong)];
    return [title, count(placed), share(raised, placed), count(captions), share(wrong, captions)];
  };
  return {
    caption: `${name}, by scene`,
    head: ["scene", "valid placements", "on furniture", "captions of the moved object", "answered wrong"],
    rows: [...scenes.map((scene) => row(capital(at(outlines, scene.scene).name), [scene])), row("All", scenes)],
  };
}
