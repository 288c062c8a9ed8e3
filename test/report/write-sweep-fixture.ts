/** @file Writes made-up sweeps with their reports, to look at: node dist/test/report/write-sweep-fixture.js FOLDER [SEEDS] */
import path from "node:path";
import { writeSweepReport } from "../../trainer/report/html/sweep.js";
import { gridCells, type MadeUpCell, noise, writeSweep } from "./sweep-fixture.js";

const [folder = "runs/made-up-sweep", seeds = "5"] = process.argv.slice(2);
const list = Array.from({ length: Number(seeds) }, (_, i) => 1000 + i);
const speed = (cell: MadeUpCell): number => {
  const { extrinsicWeight: beta, samplingRate: eta } = cell.configuration;
  return 0.3 + 0.015 * Number(beta ?? 0) * Number(eta ?? 0.5) + 0.03 * Number(eta ?? 0) + noise(cell);
};
const grid = path.join(folder, "grid");
await writeSweep(grid, {
  varied: ["extrinsicWeight", "samplingRate"],
  cells: gridCells([1, 5, 10, 20], [0.25, 0.5, 1], list),
  speed,
  missing: [`beta=20_eta=1-${list.at(-1)}`],
  reference: { extrinsicWeight: 8, samplingRate: 0.5 },
});
await writeSweepReport(grid);
const variants = path.join(folder, "list");
await writeSweep(variants, {
  varied: ["agent"],
  cells: list.flatMap((seed) =>
    ["the whole method", "without the hardness head of the critic", "random"].map((variant, i) => ({
      name: `v${i}-${seed}`,
      variant,
      configuration: { agent: `agent ${i}`, seed },
    })),
  ),
  speed: (cell) => 0.3 + (cell.variant === "random" ? -0.1 : 0) + noise(cell),
});
await writeSweepReport(variants);
const one = path.join(folder, "one-seed");
await writeSweep(one, {
  varied: ["extrinsicWeight", "samplingRate"],
  cells: gridCells([1, 10], [0.25, 0.5], list.slice(0, 1)),
  speed,
});
await writeSweepReport(one);
