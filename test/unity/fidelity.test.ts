/**
 * @file Pictures of the Unity package's code, drawn by the stand-in for its engine, against those of the embedded
 * renderer.
 */
import { beforeAll, expect, it } from "vitest";
import { type BatchResult, EnvironmentClient, EnvironmentServer } from "../../protocol/index.js";
import { dotnetHostCommand } from "../../trainer/environments/dotnet-host.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { BUILD_TIMEOUT, bound, closers, describeHost } from "./host.js";
import { standInProgram } from "./stand-in.js";

const LAYOUTS = 200;
const AT_ONCE = 20;
/** In smaller objects, one pixel changes the outline a lot. */
const LEAST_PIXELS = 30;

/** One object in both segmentations. */
interface Seen {
  readonly seed: number;
  readonly slot: number;
  readonly pixels: readonly [number, number];
  readonly overlap: number;
  /** Overlap with the other picture mirrored left to right. */
  readonly mirrored: number;
  /** Pixels between the two centres. */
  readonly apart: number;
}

function seen(seed: number, slot: number, size: number, a: Uint8Array, b: Uint8Array): Seen {
  const pixels: [number, number] = [0, 0];
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  const both = [0, 0] as [number, number];
  for (let at = 0; at < size * size; at++) {
    const x = at % size;
    const y = Math.floor(at / size);
    const inA = a[at] === slot + 1;
    const inB = b[at] === slot + 1;
    if (inA) {
      pixels[0] += 1;
      sums[0] += x;
      sums[1] += y;
      if (inB) both[0] += 1;
      if (b[y * size + size - 1 - x] === slot + 1) both[1] += 1;
    }
    if (inB) {
      pixels[1] += 1;
      sums[2] += x;
      sums[3] += y;
    }
  }
  const union = (common: number): number => common / Math.max(1, pixels[0] + pixels[1] - common);
  const [ax, ay] = [sums[0] / pixels[0], sums[1] / pixels[0]];
  const [bx, by] = [sums[2] / pixels[1], sums[3] / pixels[1]];
  return {
    seed,
    slot,
    pixels,
    overlap: union(both[0]),
    mirrored: union(both[1]),
    apart: Math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by)),
  };
}

const bytes = (result: BatchResult, uid: string): Uint8Array => result.tensors[uid]?.data as Uint8Array;

/** Both renderers' objects, and the mean difference of their images on a scale of 0 to 255; NaN without images. */
async function compare(world: string, size: number, images: boolean): Promise<{ objects: Seen[]; difference: number }> {
  const catalog = loadCatalog(world);
  const definition = roomsDefinition(catalog, { imageSize: size });
  await using server = await EnvironmentServer.bind(definition, { endpoint: "tcp://127.0.0.1:*", envCount: AT_ONCE });
  const unity = await bound(
    ["--world", world, "--image-size", String(size)],
    AT_ONCE,
    undefined,
    dotnetHostCommand(standInProgram),
  );
  const clients = [];
  for (const endpoint of [server.endpoint, unity.endpoint]) {
    const client = await EnvironmentClient.connect({ endpoint });
    closers.push(() => client[Symbol.asyncDispose]());
    clients.push(client);
  }
  const objects: Seen[] = [];
  let difference = 0;
  for (let first = 0; first < LAYOUTS; first += AT_ONCE) {
    const ops = Array.from({ length: AT_ONCE }, (_, env) => ({ env, op: "reset" as const, seed: first + env }));
    const [a, b] = await Promise.all(
      clients.map((client) => client.batch(ops, [...(images ? ["image"] : []), "segmentation"])),
    );
    if (a === undefined || b === undefined) throw new Error("there are two clients");
    if (images) {
      const [ours, theirs] = [bytes(a, "image"), bytes(b, "image")];
      for (let at = 0; at < ours.length; at++) difference += Math.abs((ours[at] ?? 0) - (theirs[at] ?? 0));
    }
    for (let env = 0; env < AT_ONCE; env++) {
      const part = (result: BatchResult): Uint8Array =>
        bytes(result, "segmentation").subarray(env * size * size, (env + 1) * size * size);
      for (let slot = 0; slot < catalog.rules.activeObjects; slot++)
        objects.push(seen(first + env, slot, size, part(a), part(b)));
    }
  }
  return { objects, difference: images ? difference / (LAYOUTS * size * size * 3) : Number.NaN };
}

const worst = (objects: readonly Seen[], rank: (object: Seen) => number): Seen =>
  objects.reduce((a, b) => (rank(b) > rank(a) ? b : a));

describeHost("the Unity package's pictures, against the embedded renderer's", () => {
  beforeAll(() => void dotnetHostCommand(standInProgram), BUILD_TIMEOUT);

  it.each([
    { world: "rooms", size: 64, mean: 0.93, least: 0.75 },
    { world: "tabletop", size: 64, mean: 0.93, least: 0.75 },
    { world: "rooms", size: 256, mean: 0.97, least: 0.9 },
    { world: "tabletop", size: 256, mean: 0.97, least: 0.9 },
  ])("$world at $size pixels", { timeout: 120_000 }, async ({ world, size, mean, least }) => {
    // At 256 pixels a software rasterizer takes minutes for the images: compare only outlines.
    const { objects, difference } = await compare(world, size, size === 64);
    const shown = objects.filter(({ pixels: [a, b] }) => a > 0 || b > 0);
    const large = objects.filter(({ pixels: [a] }) => a >= LEAST_PIXELS);
    const average = shown.reduce((sum, { overlap }) => sum + overlap, 0) / shown.length;
    const [ours, theirs] = [0, 1].map((side) => objects.reduce((sum, { pixels }) => sum + (pixels[side] ?? 0), 0));
    const poorest = worst(large, ({ overlap }) => -overlap);
    const farthest = worst(large, ({ apart }) => apart);
    console.log(
      `${world} ${size}: ${large.length} objects, mean IoU ${average.toFixed(4)}, worst ${poorest.overlap.toFixed(3)} (seed ${poorest.seed}, slot ${poorest.slot}, ` +
        `${poorest.pixels.join(" and ")} pixels), middles up to ${farthest.apart.toFixed(2)} pixels apart (seed ${farthest.seed}), ` +
        `${theirs} pixels for ${ours}${size === 64 ? `; images differ by ${difference.toFixed(2)} of 255` : ""}`,
    );
    expect(large.length).toBeGreaterThan(LAYOUTS);
    // The rest: the embedded renderer samples an object's outline four times per pixel, the Unity code 16 times.
    if (size === 64) expect(difference).toBeLessThan(1);
    expect(average).toBeGreaterThanOrEqual(mean);
    expect(poorest.overlap).toBeGreaterThanOrEqual(least);
    expect(farthest.apart).toBeLessThanOrEqual(1);
    expect(Math.abs((theirs ?? 0) - (ours ?? 0)) / (ours ?? 1)).toBeLessThanOrEqual(0.02);
    // An object that is its own mirror image may be equally near to both.
    expect(shown.filter(({ overlap, mirrored }) => mirrored > overlap)).toEqual([]);
  });
});
