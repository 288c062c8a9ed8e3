/** @file Writes a made-up folder of runs to look at: node dist/test/report/dashboard/write-runs.js FOLDER [RUNS]; two of them grow until it is interrupted. */
import { setTimeout } from "node:timers/promises";
import { writeRunsFolder } from "./runs-folder.js";

const SECOND = 1000;
const [folder = "runs/made-up", runs = "40"] = process.argv.slice(2);
const running = await writeRunsFolder(folder, { runs: Number(runs), samples: 640 });
process.stdout.write(`${folder}: written; two runs go on, Ctrl-C ends it\n`);
for (let iteration = 0; iteration < 9; iteration++) {
  await setTimeout(5 * SECOND);
  for (const run of running) await run.iterate();
}
