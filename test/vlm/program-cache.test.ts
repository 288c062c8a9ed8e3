/** @file How many programs are kept, and what happens where one cannot be loaded. */
import { expect, it } from "vitest";
import { Graph } from "../../trainer/graph/index.js";
import type { Runtime } from "../../trainer/graph/runtime.js";
import { type Built, built, Programs } from "../../trainer/vlm/training/program-cache.js";

/** A GPU's runtime with room for four programs with large weights; `fails` says which loads it refuses. */
function cache(fails: (load: number) => boolean) {
  const counts = { loads: 0, held: 0, most: 0 };
  const load = async () => {
    counts.loads++;
    if (fails(counts.loads)) throw new Error(`no memory for load ${counts.loads}`);
    counts.most = Math.max(counts.most, ++counts.held);
    return {
      run: () => Promise.resolve({}),
      release: async () => {
        counts.held--;
      },
    };
  };
  const runtime = { device: "cuda:0", load } as unknown as Runtime;
  return { counts, programs: new Programs(runtime, { folder: "", inPlace: true }) };
}

const build = (): Built => {
  const graph = new Graph();
  graph.output("y", graph.input("x", [1]));
  return built(graph);
};

it("a program makes room before it is loaded, and the least recently used one goes", async () => {
  const { counts, programs } = cache(() => false);
  for (const key of ["a", "b", "c", "d", "a", "e", "a"]) await programs.get(key, build);
  expect(counts).toEqual({ loads: 5, held: 4, most: 4 });
  await programs.get("b", build);
  expect(counts).toEqual({ loads: 6, held: 4, most: 4 });
});

it("a program that cannot be loaded is an error of its own call alone, and is tried again", async () => {
  const { counts, programs } = cache((load) => load === 5);
  for (const key of ["a", "b", "c", "d"]) await programs.get(key, build);
  await expect(programs.get("e", build)).rejects.toThrow("no memory for load 5");
  for (const key of ["b", "c", "d", "e", "a", "f", "g", "h"]) await programs.get(key, build);
  expect(counts).toEqual({ loads: 10, held: 4, most: 4 });
});
