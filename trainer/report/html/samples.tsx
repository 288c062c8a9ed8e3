/** @file The samples themselves: the hardest ones as pictures with their captions, and maps of where the arms put the objects. */
import { busiest, MapScale, RoomMaps, sceneTable } from "../charts/rooms.js";
import { CARD_NOTE, SampleCard } from "../charts/sample-card.js";
import { DataTable } from "../charts/table.js";
import { capital } from "../format.js";
import { placements, SIDE, type World } from "../world.js";
import type { Arm, GalleryItem } from "./contents.js";
import type { Section } from "./page.js";

const asData = (type: string, bytes: Buffer): string => `data:image/${type};base64,${bytes.toString("base64")}`;

function card({ iteration, sample, seen, drawn }: GalleryItem, world: World | null) {
  const room = world?.scenes[sample.scene]?.name ?? `scene ${sample.scene}`;
  const pictures = { seen: asData("png", seen), drawn: drawn === null ? null : asData("webp", drawn) };
  return <SampleCard sample={{ ...sample, iteration }} room={room} pictures={pictures} />;
}

export function gallerySection(
  items: readonly GalleryItem[],
  arm: Arm | undefined,
  world: World | null,
): Section | null {
  if (items.length === 0 || arm === undefined) return null;
  const iterations = [...new Set(items.map(({ iteration }) => iteration))];
  return {
    id: "gallery",
    name: "Hardest samples",
    title: "The hardest samples",
    intro: `What ${arm.name} found (seed ${arm.runs[0]?.seed}): the hardest samples of the first, the middle and the last iteration, one for each room of an episode. ${CARD_NOTE}`,
    body: iterations.map((iteration) => (
      <>
        <h3>Iteration {iteration}</h3>
        <ul class="gallery">{items.filter((item) => item.iteration === iteration).map((item) => card(item, world))}</ul>
      </>
    )),
  };
}

/** Top views of where valid placements went, one row an arm, one scale for all. */
export function placementMapSection(arms: readonly Arm[], world: World | null): Section | null {
  const drawn = arms.filter(({ shards }) => shards.some(({ samples }) => samples.length > 0));
  if (drawn.length === 0 || world === null) return null;
  const rows = drawn.map(({ shards, ...arm }) => ({
    ...arm,
    scenes: placements(
      shards.flatMap(({ samples }) => samples),
      world,
    ),
  }));
  const most = busiest(rows.flatMap(({ scenes }) => scenes));
  return {
    id: "map",
    name: "Placement map",
    title: "Where the objects went",
    intro:
      "Valid placements seen from above, camera at the bottom, furniture in outline. The larger and stronger a square, the more placements. The first seed of each arm, all iterations, one scale.",
    body: (
      <>
        <MapScale shown="placed" most={most} />
        {rows.map(({ name, colour, scenes }) => (
          <>
            <h3>{capital(name)}</h3>
            <RoomMaps scenes={scenes} outlines={world.scenes} colour={colour} side={SIDE} shown="placed" most={most} />
            <DataTable {...sceneTable(capital(name), scenes, world.scenes)} />
          </>
        ))}
      </>
    ),
  };
}
