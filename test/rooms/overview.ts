/** @file The README's picture: each room of the default world, and the second world, as drawn by `rls3 env view`. */
import sharp from "sharp";
import { LocalRoom } from "../../trainer/cli/room-view.js";
import { loadCatalog } from "../../trainer/rooms/index.js";

/** World, scene and seed, left to right and top to bottom. */
const PICTURES: readonly (readonly [string, string | undefined, number])[] = [
  ["rooms", "0", 11],
  ["rooms", "1", 12],
  ["rooms", "2", 13],
  ["rooms", "3", 14],
  ["rooms", "4", 15],
  ["tabletop", undefined, 5],
];
const COLUMNS = 3;
/** Pixels: the size drawn, the size shown, and the gap. */
const DRAWN = 512;
const SHOWN = 384;
const GAP = 6;

/** The captions of each picture, and all pictures as one PNG. */
export async function overview(): Promise<{ captions: readonly string[][]; png: Buffer }> {
  const rooms = PICTURES.map(([world, scene, seed]) => {
    const room = new LocalRoom(loadCatalog(world));
    room.reset(seed, scene);
    return room;
  });
  const tiles = await Promise.all(
    rooms.map(async (room, index) => ({
      input: await sharp(room.picture(DRAWN), { raw: { width: DRAWN, height: DRAWN, channels: 3 } })
        .resize(SHOWN, SHOWN)
        .png()
        .toBuffer(),
      left: (index % COLUMNS) * (SHOWN + GAP),
      top: Math.floor(index / COLUMNS) * (SHOWN + GAP),
    })),
  );
  const side = (count: number): number => count * SHOWN + (count - 1) * GAP;
  const [width, height] = [side(COLUMNS), side(Math.ceil(PICTURES.length / COLUMNS))];
  const png = await sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite(tiles)
    .png({ palette: true })
    .toBuffer();
  return { captions: rooms.map((room) => [...room.view().captions]), png };
}
