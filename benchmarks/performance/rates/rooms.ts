/** @file The renderer alone, in this process: render.64 and render.224. */
import { at } from "../../../trainer/at.js";
import { Random } from "../../../trainer/random/random.js";
import { drawLayout, loadCatalog, type Objects, render } from "../../../trainer/rooms/index.js";
import { type Benchmark, bestRate } from "./benchmark.js";

/** Images between two looks at the clock. */
const BATCH = 25;

const NOTE =
  "images of random layouts in all scenes of the default world, one thread; the empty rooms are drawn before";

function renderBenchmark(size: number): Benchmark {
  return {
    name: `render.${size}`,
    counts: "images",
    async measure() {
      const catalog = loadCatalog("rooms");
      const random = Random.stream(1, "render benchmark");
      const layouts: (readonly [scene: number, objects: Objects])[] = Array.from({ length: 100 }, (_, index) => {
        const scene = at(catalog.scenes, index % catalog.scenes.length);
        return [scene.index, drawLayout(catalog, scene, random).objects];
      });
      for (const [scene, objects] of layouts) render(catalog, scene, objects, size);
      let next = 0;
      const value = await bestRate(() => {
        for (let image = 0; image < BATCH; image++) {
          const [scene, objects] = at(layouts, next++ % layouts.length);
          render(catalog, scene, objects, size);
        }
        return BATCH;
      });
      return { value, note: NOTE };
    },
  };
}

export const benchmarks: readonly Benchmark[] = [renderBenchmark(64), renderBenchmark(224)];
