/** @file Writes a made-up comparison with its report, to look at: node dist/test/report/write-fixture.js FOLDER [SEEDS [ITERATIONS]] */
import path from "node:path";
import { renderReport } from "../../trainer/report/html/report.js";
import { FIXTURE_ARMS, writeComparison, writeRun } from "./fixture.js";

const [folder = "runs/made-up", seeds = "5", iterations = "14"] = process.argv.slice(2);
await writeComparison(folder, { seeds: Number(seeds), iterations: Number(iterations), samples: 640 });
await renderReport(folder);
const [arm] = FIXTURE_ARMS;
if (arm !== undefined) {
  const single = path.join(folder, "single");
  await writeRun(single, arm, 7, Number(iterations));
  await renderReport(single);
}
