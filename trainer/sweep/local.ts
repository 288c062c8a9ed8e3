/** @file This machine's executor: each cell in its own process, a limited number at a time. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { followRun, forkRun, inParallel } from "../runs/pool.js";
import type { Executor } from "./executor.js";

const entry = path.join(path.dirname(fileURLToPath(import.meta.url)), "cell.js");

export const local: Executor = {
  name: "local",
  here: true,
  run: async (cells, { planFile, jobs, progress, signal }) => {
    const indices = new Map(cells.map(({ folder, index }) => [folder, index]));
    await inParallel(
      cells,
      jobs,
      ({ folder }, telling, stop) => {
        stop.throwIfAborted();
        const child = forkRun(entry, [planFile, String(indices.get(folder))]);
        return followRun(child, path.basename(folder), telling, stop);
      },
      progress,
      signal,
    );
  },
};
