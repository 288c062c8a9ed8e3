/**
 * @file `node dist/benchmarks/performance/model-memory.js [NAME…]`: the memory that models of published shapes take to
 * score and to fine-tune, next to the prediction of `rls3 vlm inspect`, and the time. Separates anonymous pages (a
 * process's own) from mapped ones (the weights' file, shared). Linux.
 */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { exitCodeOf } from "../../trainer/cli/outcome.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { fineTuningOf } from "../../trainer/vlm/fine-tuning.js";
import { openModel } from "../../trainer/vlm/index.js";
import { memoryOf } from "../../trainer/vlm/inspect.js";
import { typicalWork } from "../../trainer/vlm/typical-work.js";
import { makeModel, type Precision, SHAPES } from "./model-shapes.js";

const MIB = 2 ** 20;
/** Milliseconds between two samples of a process. */
const PERIOD = 20;

const TASKS = ["score", "tune"] as const;
type Task = (typeof TASKS)[number];

const {
  _: named,
  images,
  rank,
  precision,
  tasks,
  repetitions,
  json,
  task,
  directory,
} = await yargs(hideBin(process.argv))
  .scriptName("model-memory")
  .usage("$0 [NAME…]: memory and seconds of models of published shapes; the memory as measured and as predicted")
  .option("images", { type: "number", default: 16, describe: "images at once" })
  .option("rank", { type: "number", default: 8, describe: "rank of LoRA" })
  .option("precision", {
    choices: ["F32", "BF16"] as const,
    default: "BF16" as Precision,
    describe: "type of the weights on disk",
  })
  .option("tasks", { type: "array", choices: TASKS, default: [...TASKS], describe: "what to measure" })
  .option("repetitions", { type: "number", default: 3, describe: "repetitions of each task in its process" })
  .option("json", { type: "boolean", default: false })
  .option("task", { choices: TASKS, hidden: true })
  .option("directory", { type: "string", hidden: true })
  .strictOptions()
  .parse();

const fineTuning = { ...fineTuningOf(resolveConfiguration([])), rank, alpha: 2 * rank };

/** In a separate process: only the work. */
async function perform(what: Task, model: string): Promise<void> {
  const opened = await openModel(model, {
    runtime: { device: "cpu", threads: availableParallelism() },
    ...(what === "tune" ? { fineTuning } : {}),
    scoringBatch: images,
  });
  const size = opened.imageSize;
  const batch = { count: images, height: size, width: size, data: new Uint8Array(images * size * size * 3).fill(99) };
  const { captions } = typicalWork(images, opened.phrasing);
  let seconds = Infinity;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    // A new picture each time, because results are cached per picture while the parameters stay.
    batch.data.fill(repetition);
    const start = performance.now();
    if (what === "score") await opened.score(batch, captions);
    else await opened.fineTune(batch, captions);
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  process.send?.(seconds);
  await opened.close();
}

interface Resident {
  readonly anonymous: number;
  readonly mapped: number;
}

interface Measured extends Resident {
  /** Of the fastest repetition. */
  readonly seconds: number;
}

function resident(pid: number): Resident {
  let status = "";
  try {
    status = readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // The process has ended.
  }
  const field = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { anonymous: field("RssAnon"), mapped: field("RssFile") };
}

/** The peak of each kind of memory while the task runs. */
function measure(what: Task, model: string): Promise<Measured> {
  const numbers = { images, rank, repetitions };
  const flags = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = fork(fileURLToPath(import.meta.url), ["--task", what, "--directory", model, ...flags]);
  let seconds = Number.NaN;
  child.on("message", (found) => {
    seconds = Number(found);
  });
  let peak: Resident = { anonymous: 0, mapped: 0 };
  const timer = setInterval(() => {
    const { anonymous, mapped } = resident(child.pid ?? 0);
    peak = { anonymous: Math.max(peak.anonymous, anonymous), mapped: Math.max(peak.mapped, mapped) };
  }, PERIOD);
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => {
      clearInterval(timer);
      if (code === 0) resolve({ ...peak, seconds });
      else reject(new Error(`${what} of ${path.basename(model)} ended with ${code}`));
    });
  });
}

interface Row {
  readonly model: string;
  readonly task: string;
  readonly told: number;
  readonly anonymous: number;
  readonly mapped: number;
  readonly weights: number;
  readonly seconds: number;
}

const show = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;

async function main(): Promise<void> {
  const names = named.length === 0 ? Object.keys(SHAPES) : named.map(String);
  const rows: Row[] = [];
  for (const name of names) {
    const folder = mkdtempSync(path.join(tmpdir(), "rls3-memory-"));
    try {
      const model = makeModel(folder, name, precision);
      const told = memoryOf(model, images, fineTuning);
      for (const what of tasks) {
        const found = await measure(what, model);
        const row = { model: name, task: what, told: told[what], ...found, weights: told.weights };
        rows.push(row);
        if (json) continue;
        const ratio = (row.anonymous / row.told).toFixed(2);
        console.log(
          `${name} ${precision}, ${what} ${images} images: ${show(row.anonymous)} anonymous, ${ratio} of the ${show(row.told)} predicted; ${show(row.mapped)} mapped, weights ${show(row.weights)}; ${row.seconds.toFixed(1)} s`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  if (json) console.log(JSON.stringify({ images, rank, precision, rows }, null, 2));
}

try {
  if (task !== undefined && directory !== undefined) await perform(task, directory);
  else await main();
} catch (error) {
  const { code, message } = exitCodeOf(error);
  console.error(message);
  process.exitCode = code;
}
