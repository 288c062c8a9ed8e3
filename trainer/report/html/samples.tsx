/** @file The samples themselves: the hardest ones as pictures with their captions, and maps of where the arms put the objects. */

import { at } from "../../at.js";
import type { SampleCaption, SampleLine } from "../../run-format/columns.js";
import { armName, capital, count, decimal, percent } from "../format.js";
import type { Arm, GalleryItem, RoomScene } from "./contents.js";
import { html, type Markup, section, table } from "./markup.js";

/** What the model made of one caption: right, or which flip it preferred; and what it said by itself. */
function caption({ prompt, right, said, answer, probability, margin }: SampleCaption): Markup {
  // A model that answers may say something else than what is likeliest of what was asked.
  const [well, otherwise] =
    said === undefined ? ["answered right", "answered:"] : ["right one likeliest", "likeliest:"];
  const preferred =
    answer === undefined
      ? html`<span class="right">${well}</span>`
      : html`<span class="wrong">${otherwise}</span> ${capital(answer)}`;
  const asked = prompt !== undefined && html`${prompt}<br>`;
  const spoken = said !== undefined && html`<br>said “${said}”`;
  return html`<dt>${asked}${capital(right)}</dt><dd>${preferred}${spoken}<br>probability ${percent(probability, 0)} · margin ${margin.toFixed(0)}°</dd>`;
}

function card({ sample, png }: GalleryItem, scenes: readonly RoomScene[] | null): Markup {
  const room = scenes?.[sample.scene]?.name ?? `scene ${sample.scene}`;
  const description = sample.captions.map(({ right }) => right).join(" ");
  return html`<li><img src="data:image/png;base64,${png.toString("base64")}" alt="${capital(room)}. ${description}" width="224" height="224">
<div><dl>${sample.captions.map(caption)}</dl><p>${room} · episode ${sample.episode}, step ${sample.step} · S\u00a0${decimal(sample.score, 2)}, h\u00a0${sample.hardness.toFixed(2)}${!sample.kept && " · not fine-tuned on"}</p></div></li>\n`;
}

export function gallerySection(
  items: readonly GalleryItem[],
  arm: Arm | undefined,
  scenes: readonly RoomScene[] | null,
): Markup | null {
  if (items.length === 0 || arm === undefined) return null;
  const iterations = [...new Set(items.map(({ iteration }) => iteration))];
  return section(
    "gallery",
    "The hardest samples",
    html`<p>What ${armName(arm.name)} found (seed ${arm.runs[0]?.seed}), at most one picture for each room of an episode: the true captions, which caption the model preferred when the sample was made (the right one or one with flipped terms), its probability of the right one against the flips, and the margin: degrees to the nearest boundary between two relations. A small margin means that the picture is near a tie, not that the model is blind.</p>`,
    iterations.map(
      (iteration) =>
        html`<h3>Iteration ${iteration}</h3><ul class="gallery">${items.filter((item) => item.iteration === iteration).map((item) => card(item, scenes))}</ul>`,
    ),
  );
}

const CELLS = 20;
const LEVELS = 5;

/** How many moved objects were put into each cell of a scene's floor, seen from above. */
function cellCounts(samples: readonly SampleLine[], scene: number, [width, , depth]: RoomScene["size"]): Int32Array {
  const counts = new Int32Array(CELLS * CELLS);
  for (const { scene: room, objects, slot } of samples) {
    if (room !== scene) continue;
    const moved = at(objects, slot);
    const [x, z] = [at(moved, 1), at(moved, 3)];
    const column = Math.floor((CELLS * (x + width / 2)) / width);
    const row = Math.floor((CELLS * (z + depth / 2)) / depth);
    if (column < 0 || row < 0 || column >= CELLS || row >= CELLS) continue;
    const cell = row * CELLS + column;
    counts[cell] = at(counts, cell) + 1;
  }
  return counts;
}

function map(arm: Arm, scene: RoomScene, index: number, counts: Int32Array, most: number): Markup {
  const [width, , depth] = scene.size;
  const [cellWidth, cellDepth] = [width / CELLS, depth / CELLS];
  const levels = Array.from({ length: LEVELS }, () => "");
  for (const [cell, number] of counts.entries()) {
    if (number === 0) continue;
    const level = Math.min(LEVELS, Math.ceil((LEVELS * number) / most)) - 1;
    const x = Math.round((cell % CELLS) * cellWidth - width / 2);
    const z = Math.round(Math.floor(cell / CELLS) * cellDepth - depth / 2);
    levels[level] += `M${x} ${z}h${Math.ceil(cellWidth)}v${Math.ceil(cellDepth)}h-${Math.ceil(cellWidth)}z`;
  }
  const id = `map-${arm.name}-${index}`;
  const total = counts.reduce((sum, number) => sum + number, 0);
  return html`<figure class="map c${arm.colour}"><svg role="img" aria-labelledby="${id}-t ${id}-d" viewBox="${-width / 2} ${-depth / 2} ${width} ${depth}"><title id="${id}-t">${scene.name}, ${armName(arm.name)}</title><desc id="${id}-d">${count(total)} placements from above, camera at the bottom; the stronger the colour, the more.</desc>
${scene.furniture.map(({ x: [x0, x1], z: [z0, z1] }) => html`<rect class="furniture" x="${x0}" y="${z0}" width="${x1 - x0}" height="${z1 - z0}"/>`)}
${levels.map((path, level) => path !== "" && html`<path class="cell l${level + 1}" d="${path}"/>`)}</svg><figcaption>${capital(scene.name)}</figcaption></figure>\n`;
}

/** Top views of where valid placements went, one row an arm, one scale for all. */
export function placementMapSection(arms: readonly Arm[], scenes: readonly RoomScene[] | null): Markup | null {
  const drawn = arms.filter(({ shards }) => shards.some(({ samples }) => samples.length > 0));
  if (drawn.length === 0 || scenes === null) return null;
  const rows = drawn.map((arm) => {
    const samples = arm.shards.flatMap((shard) => shard.samples);
    return { arm, samples, counts: scenes.map((scene, index) => cellCounts(samples, index, scene.size)) };
  });
  // A cell at 98 % of the busiest ones sets the darkest colour, so that a single hot spot does not bleach the rest.
  const busy = rows
    .flatMap(({ counts }) => counts.flatMap((all) => [...all].filter((n) => n > 0)))
    .sort((a, b) => a - b);
  const most = Math.max(1, busy[Math.floor(busy.length * 0.98)] ?? 1);
  const raised = (samples: readonly SampleLine[], scene: number | null) => {
    const here = samples.filter((sample) => scene === null || sample.scene === scene);
    const high = here.filter(({ objects, slot }) => at(at(objects, slot), 2) > 0);
    return here.length === 0 ? "–" : percent(high.length / here.length, 0);
  };
  const numbers = table({
    caption: "Valid placements on furniture, the rest stands on the floor",
    head: ["arm", ...scenes.map(({ name }) => name), "all"],
    rows: rows.map(({ arm, samples }) => [
      armName(arm.name),
      ...scenes.map((_, scene) => raised(samples, scene)),
      raised(samples, null),
    ]),
  });
  return section(
    "map",
    "Where the objects went",
    html`<p>Valid placements seen from above, camera at the bottom, furniture in outline; the stronger the colour, the more (the strongest: ${count(most)} or more in a cell). The first seed of each arm, all iterations; same scale everywhere.</p>`,
    rows.map(
      ({ arm, counts }) =>
        html`<h3>${capital(armName(arm.name))}</h3><div class="maps">${scenes.map((scene, index) => map(arm, scene, index, at(counts, index), most))}</div>`,
    ),
    numbers,
  );
}
