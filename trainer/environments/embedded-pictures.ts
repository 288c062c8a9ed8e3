/**
 * @file States from one server, pictures from the embedded renderer (`--render embedded`). The renderer draws each
 * state that the server reports, so a run sees the same images whichever server steps it, even one without graphics.
 */
import type {
  BatchResult,
  BatchTensor,
  Op,
  TensorData,
  TensorSpec,
  VectorEnvironment,
  Welcome,
} from "../../protocol/index.js";
import { at } from "../at.js";
import { type Catalog, OBJECT_FIELDS, type Picture, parseCatalog, render, roomsDefinition } from "../rooms/index.js";

/** Observations that a picture is drawn from. */
const STATE = ["objects", "scene"] as const;

export class EmbeddedPictures implements VectorEnvironment {
  private readonly catalog: Catalog;
  private readonly drawn: ReadonlyMap<string, TensorSpec>;

  constructor(
    private readonly server: VectorEnvironment,
    private readonly imageSize: number,
  ) {
    this.catalog = parseCatalog(server.welcome.catalog);
    const specs = roomsDefinition(this.catalog, { imageSize }).observations;
    this.drawn = new Map(specs.filter((spec) => spec.graphics === true).map((spec) => [spec.uid, spec]));
  }

  /** The server's welcome, with the renderer's images in place of the server's. */
  get welcome(): Welcome {
    const { welcome } = this.server;
    const served = welcome.observations.filter(({ uid }) => !this.drawn.has(uid));
    return {
      ...welcome,
      graphics: "the trainer's software rasteriser",
      observations: [...served, ...this.drawn.values()],
    };
  }

  async batch(
    ops: readonly Op[],
    want: readonly string[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<BatchResult> {
    const pictured = want.filter((uid) => this.drawn.has(uid));
    if (pictured.length === 0) return this.server.batch(ops, want, options);
    const requested = new Set([...want.filter((uid) => !this.drawn.has(uid)), ...STATE]);
    const { results, tensors } = await this.server.batch(ops, [...requested], options);
    const pictures = results.map(({ error, info }, row) =>
      error === undefined && info["lost"] !== true ? this.draw(tensors, row) : undefined,
    );
    const drawn = pictured.map((uid) => [uid, this.tensor(uid, pictures)] as const);
    const passed = Object.entries(tensors).filter(([uid]) => want.includes(uid));
    return { results, tensors: Object.fromEntries([...passed, ...drawn]) };
  }

  configure(parameters: Readonly<Record<string, number | string | boolean>>): Promise<void> {
    return this.server.configure(parameters);
  }

  ping(): Promise<void> {
    return this.server.ping();
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private draw(tensors: BatchResult["tensors"], row: number): Picture {
    const width = this.catalog.rules.activeObjects * OBJECT_FIELDS;
    const objects = Int32Array.from(dataOf(tensors, "objects").subarray(row * width, (row + 1) * width));
    return render(this.catalog, at(dataOf(tensors, "scene"), row), objects, this.imageSize);
  }

  /** Rows of failed operations stay zero, as a server leaves them. */
  private tensor(uid: string, pictures: readonly (Picture | undefined)[]): BatchTensor {
    const spec = this.drawn.get(uid);
    if (spec === undefined) throw new RangeError(`"${uid}" is nothing that is drawn`);
    const size = spec.shape.reduce((product, side) => product * side, 1);
    const Elements = spec.dtype === "int32" ? Int32Array : Uint8Array;
    const data = new Elements(size * pictures.length);
    for (const [row, picture] of pictures.entries()) {
      if (picture !== undefined) data.set(rowOf(uid, picture), row * size);
    }
    return { spec, shape: [pictures.length, ...spec.shape], data };
  }
}

function dataOf(tensors: BatchResult["tensors"], uid: string): TensorData {
  const tensor = tensors[uid];
  if (tensor === undefined) throw new RangeError(`the server's answer lacks "${uid}"`);
  return tensor.data;
}

function rowOf(uid: string, { image, segmentation, visiblePixels, totalPixels }: Picture): ArrayLike<number> {
  if (uid === "image") return image;
  if (uid === "segmentation") return segmentation;
  return visiblePixels.flatMap((visible, slot) => [visible, at(totalPixels, slot)]);
}
