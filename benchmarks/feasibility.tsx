/**
 * @file `node dist/benchmarks/feasibility.js [--seeds 3] [--view flat] …`: the paper's agent learns feasibility online
 * from scratch. Prints the share of valid placements over steps, for each seed. The same command continues interrupted
 * seeds; `--collect` stores the curves.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { renderToString } from "preact-render-to-string";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { at } from "../trainer/at.js";
import { parseSeeds, readFlags, withConfiguration } from "../trainer/cli/options.js";
import { exitCodeOf, interruptible } from "../trainer/cli/outcome.js";
import { showProgress } from "../trainer/cli/progress.js";
import { openEnvironments } from "../trainer/environments/open-environments.js";
import { InputError } from "../trainer/errors.js";
import { writeDurably } from "../trainer/files/durable-file.js";
import { mean } from "../trainer/mean.js";
import { type Progress, stoppable } from "../trainer/progress.js";
import { type Line, LineMarks, layoutLines } from "../trainer/report/charts/lines.js";
import { COUNT, SHARE } from "../trainer/report/charts/quantities.js";
import { BLOCK_STEPS, type FeasibilityCurve } from "../trainer/rls3/feasibility.js";
import { openAgent } from "../trainer/runs/parts.js";
import { keptCurve, learnOnlineOnce } from "../trainer/runs/pretrained.js";
import { provenance } from "../trainer/runs/provenance.js";
import { type Configuration, resolveConfiguration } from "../trainer/settings/configuration.js";
import type { SettingName } from "../trainer/settings/settings.js";

const RESULTS = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../benchmarks/results/feasibility");
/** Settings that may be varied; all others are those of the arm `paper`. */
const VARIED: readonly SettingName[] = [
  ...([
    "view",
    "replay",
    "replayCapacity",
    "targetEntropy",
    "discount",
    "feasibilitySteps",
    "feasibilityUpdates",
  ] as const),
  ...(["world", "learner", "device", "threads"] as const),
];
/** Blocks per printed and drawn point of the curve. */
const BLOCKS = 5;

interface Result {
  readonly name: string;
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seeds: Readonly<Record<string, FeasibilityCurve>>;
  /** The share of valid placements in the last tenth of the steps: mean over seeds, and each seed's. */
  readonly lastTenth: { readonly mean: number; readonly seeds: readonly number[] };
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

async function learn(
  configuration: Configuration,
  folder: string,
  partial: boolean,
  progress: Progress,
): Promise<FeasibilityCurve> {
  const { env, world, seed } = configuration;
  progress.say(`seed ${seed}`);
  const environments = await openEnvironments({ env, world, count: 1, imageSize: 64 }, progress);
  const inputs = { configuration, environments, pretrained: null, shared: folder };
  try {
    if (partial) return keptCurve(inputs);
    const agent = await openAgent(configuration, environments.world, progress);
    try {
      return await learnOnlineOnce({ ...inputs, agent, progress });
    } finally {
      await agent.close();
    }
  } finally {
    await environments.close();
  }
}

/** The command that repeats it anywhere; the output folder does not matter. */
function commandOf(words: readonly string[]): string {
  const repeated = words.filter(
    (word, i) => word !== "--quiet" && !word.startsWith("--out") && words[i - 1] !== "--out",
  );
  return ["node dist/benchmarks/feasibility.js", ...repeated].join(" ");
}

const averaged = (curve: FeasibilityCurve): number[] =>
  Array.from({ length: Math.ceil(curve.length / BLOCKS) }, (_, i) => mean(curve.slice(i * BLOCKS, (i + 1) * BLOCKS)));
const lastTenth = (curve: FeasibilityCurve): number => mean(curve.slice(-Math.max(1, Math.round(curve.length / 10))));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Colours of the curves, in order; the report's. */
const COLOURS = ["#0b5fc0", "#c2500a", "#6a3fb5", "#0d7a5f"] as const;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#5a636e}.label{fill:#1c2024}.grid{stroke:#e9ebee}.tick{stroke:#5a636e}.line{fill:none;stroke-width:2.4}.run{fill:none;stroke-width:1;stroke-opacity:.35}
${COLOURS.map((colour, i) => `.c${i} path{stroke:${colour}}.c${i} .dot{fill:${colour}}`).join("")}`;

function drawing(results: readonly Result[]): string {
  const lines = results.map(({ name, seeds }, colour): Line => {
    const runs = Object.values(seeds).map(averaged);
    const points = (values: readonly number[]) => values.map((y, i) => ({ x: (i + 0.5) * BLOCKS * BLOCK_STEPS, y }));
    const means = at(runs, 0).map((_, i) => mean(runs.map((run) => run[i] ?? Number.NaN)));
    return { name, colour, points: points(means), runs: runs.map(points) };
  });
  const size = { width: 640, height: 360 };
  const title = "Share of valid placements over steps of online pre-training";
  const xLabel = "steps of online pre-training (state only)";
  const x = { ...COUNT, tick: (steps: number) => `${steps / 1000}k` };
  const chart = { title, xLabel, x, y: SHARE, lines, include: [0.4, 1] };
  const svg = (
    <svg xmlns="http://www.w3.org/2000/svg" viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-label={title}>
      <style>{STYLE}</style>
      <rect width="100%" height="100%" fill="#fff" />
      <LineMarks chart={chart} layout={layoutLines(chart, size)} />
      {lines.map(({ name, colour }) => (
        <g class={`c${colour}`}>
          <path class="line" d={`M470 ${270 + 18 * colour}h30`} />
          <text x="508" y={274 + 18 * colour}>
            {name}
          </text>
        </g>
      ))}
    </svg>
  );
  return `${renderToString(svg)}\n`;
}

function collect(result: Result): void {
  writeDurably(path.join(RESULTS, `${result.name}.json`), `${JSON.stringify(result, null, 1)}\n`);
  const all = readdirSync(RESULTS)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(RESULTS, file), "utf8")) as Result);
  writeDurably(path.join(RESULTS, "curves.svg"), drawing(all));
}

async function main(): Promise<void> {
  const argv = await withConfiguration(
    yargs(hideBin(process.argv))
      .scriptName("node dist/benchmarks/feasibility.js")
      .options({
        seeds: { type: "string", default: "3", requiresArg: true, describe: "how many, or a list such as 0,5" },
        name: { type: "string", requiresArg: true, describe: "name of the curve; default: its view" },
        partial: { type: "boolean", default: false, describe: "only show the progress of each seed" },
        collect: { type: "boolean", default: false, describe: "store the curves in benchmarks/results/feasibility" },
      }),
    VARIED,
  )
    .wrap(80)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new InputError(message ?? "");
    })
    .strictOptions()
    .parseAsync();
  const { sources } = readFlags(argv);
  const folder = path.resolve(typeof argv["out"] === "string" ? argv["out"] : "runs/feasibility");
  const configured = resolveConfiguration([{ name: "the arm", values: { device: "cpu" } }, ...sources], {
    agent: "paper",
  });
  const curves: Record<string, FeasibilityCurve> = {};
  const progress = stoppable(showProgress(argv["quiet"] === true), interruptible());
  for (const seed of parseSeeds(argv.seeds))
    curves[seed] = await learn({ ...configured, seed }, folder, argv.partial, progress);
  const last = Object.values(curves).map(lastTenth);
  const { commit, machine } = provenance();
  const result: Result = {
    name: argv.name ?? configured.view,
    command: commandOf(hideBin(process.argv)),
    settings: Object.fromEntries(VARIED.map((name) => [name, configured[name]])),
    seeds: curves,
    lastTenth: { mean: mean(last), seeds: last },
    commit,
    machine,
  };
  if (argv.collect) collect(result);
  if (argv["json"]) process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  else {
    for (const [seed, curve] of Object.entries(curves)) {
      const points = averaged(curve).map((share) => (100 * share).toFixed(0));
      process.stdout.write(`seed ${seed}, % valid in each ${BLOCKS * BLOCK_STEPS} steps: ${points.join(" ")}\n`);
    }
    process.stdout.write(`last tenth: ${percent(result.lastTenth.mean)} (${last.map(percent).join(", ")})\n`);
    if (argv.collect && existsSync(RESULTS))
      process.stdout.write(`stored in ${path.relative(process.cwd(), RESULTS)}\n`);
  }
}

await main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`feasibility: ${message}\n`);
  process.exitCode = code;
});
