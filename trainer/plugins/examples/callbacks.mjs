/**
 * @file Callbacks: writes a line per iteration, with a caption of its hardest sample, into the run's folder. Run it:
 * npx rls3 train --quick --plugin trainer/plugins/examples/callbacks.mjs
 */
import { appendFile } from "node:fs/promises";
import path from "node:path";

let folder = ".";
/** @type {import("rls3/plugins").ReportedSample | null} */
let hardest = null;

/** @type {import("rls3/plugins").Callbacks} */
const callbacks = {
  onStart: (run) => {
    folder = run.folder;
  },
  onSample: (sample) => {
    if (hardest === null || sample.hardness > hardest.hardness) hardest = sample;
  },
  onIteration: async ({ state, test }) => {
    const caption = hardest?.pairs[0]?.right ?? "no sample yet";
    const line = `${state.iteration}\t${(100 * test.oneTerm).toFixed(1)} %\t${caption}\n`;
    await appendFile(path.join(folder, "hardest.tsv"), line);
    hardest = null;
  },
};

/** @type {import("rls3/plugins").Plugin} */
export default { name: "hardest", callbacks };
