/** @file A sample's room drawn again for people, from its state: models see pictures too small to recognise much in. */
import sharp from "sharp";
import { InputError } from "../errors.js";
import { type Catalog, parseCatalog, render } from "../rooms/index.js";
import type { SampleLine } from "../run-format/columns.js";

/** Pixels a side. */
const SIZE = 224;
const WIDTH_IN_PNG = 16;

/** Whether a PNG is as large as what would be drawn for people. */
export const isLarge = (png: Buffer): boolean =>
  png.length >= WIDTH_IN_PNG + 4 && png.readUInt32BE(WIDTH_IN_PNG) >= SIZE;

export interface Painter {
  /** Whether the embedded renderer knows the rooms of the run. */
  readonly isDrawable: boolean;
  /** The sample's room as WebP; null where it cannot be drawn. */
  readonly draw: (sample: SampleLine) => Promise<Buffer | null>;
}

const NOTHING: Painter = { isDrawable: false, draw: () => Promise.resolve(null) };

/** For the catalog that a run's configuration holds. */
export function painterOf(worldCatalog: unknown): Painter {
  const catalog = catalogOf(worldCatalog);
  if (catalog === null) return NOTHING;
  const draw: Painter["draw"] = async ({ scene, objects }) => {
    if (catalog.scenes[scene] === undefined) return null;
    if (objects.some(([type = -1]) => catalog.objects[type] === undefined)) return null;
    const { image } = render(catalog, scene, Int32Array.from(objects.flat()), SIZE);
    return sharp(image, { raw: { width: SIZE, height: SIZE, channels: 3 } })
      .webp()
      .toBuffer();
  };
  return { isDrawable: true, draw };
}

/** Null for a world of another form, such as another server's. */
function catalogOf(worldCatalog: unknown): Catalog | null {
  try {
    return parseCatalog(worldCatalog, "the run's catalog");
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
