// The sweep of β {1, 10} × η {.25, .5} × 2 seeds at the quick setting on each executor named, killed once in the middle, gone on
// with by the same command: every cell done before stays as it was, and all executors end with the same sweep.csv to the bit.
//   node .ci/sweep-check.mjs local [slurm …] [-- FLAGS]    FLAGS go to every executor but local, such as --slurm-mem 1G
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const words = process.argv.slice(2);
const separator = words.includes("--") ? words.indexOf("--") : words.length;
const executors = words.slice(0, separator);
const flags = words.slice(separator + 1);
if (executors.length === 0) {
  console.error("name an executor: node .ci/sweep-check.mjs local");
  process.exit(2);
}
const CELLS = 8;
const GRID = ["--quick", "--beta", "1,10", "--eta", ".25,.5", "--seeds", "2", "--device", "cpu", "--no-estimate"];

const parent = mkdtempSync(path.join(tmpdir(), "rls3-sweep-check-"));
process.on("exit", () => rmSync(parent, { recursive: true, force: true }));

/** Starts the sweep at the head of a process group; what it says is printed, and can be waited for. */
function sweep(executor, folder) {
  const own = executor === "local" ? ["--jobs", "2"] : flags;
  const args = [path.join(root, "dist/trainer/cli/main.js"), "sweep", ...GRID, "--executor", executor, ...own];
  const child = spawn(process.execPath, [...args, "--out", folder], { cwd: root, detached: true });
  let said = "";
  const heard = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
      process.stdout.write(text);
      for (const listen of heard) listen();
    });
  }
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, said })));
  const until = (condition) =>
    Promise.race([
      ended,
      new Promise((resolve) => {
        const listen = () => condition(said) && resolve();
        heard.add(listen);
        listen();
      }),
    ]);
  return { child, ended, until };
}

/** Processes that have the sweep's folder in their arguments: the cells, wherever a scheduler has started them on this machine. */
function killCells(folder) {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (command[0].includes("node") && command.some((word) => word.startsWith(`${folder}/`))) {
        process.kill(Number(pid), "SIGKILL");
      }
    } catch {
      // ended meanwhile
    }
  }
}

function times(folder) {
  return new Map(
    readdirSync(folder, { recursive: true })
      .sort()
      .map((name) => [name, statSync(path.join(folder, name)).mtimeMs]),
  );
}

const finished = (said) => said.match(/: iteration 3\/3/g)?.length ?? 0;
const assert = (condition, what) => {
  if (condition) return;
  console.error(`failed: ${what}`);
  process.exit(1);
};

async function check(executor) {
  const folder = path.join(parent, executor);
  console.log(`\n── a sweep on ${executor}, killed once`);
  const first = sweep(executor, folder);
  // Some cells are done, and others in their iterations.
  await first.until((said) => finished(said) >= 3);
  try {
    process.kill(-first.child.pid, "SIGKILL");
  } catch {
    // it has ended by itself, which the next line finds out
  }
  killCells(folder);
  const killed = await first.ended;
  assert(killed.signal === "SIGKILL", `on ${executor} the sweep ended before it could be killed, with ${killed.code}`);
  const done = readdirSync(path.join(folder, "cells"))
    .map((name) => path.join(folder, "cells", name))
    .filter((cell) => readdirSync(cell).some((name) => name.includes("tfevents") && !name.endsWith(".tmp")));
  assert(done.length >= 1 && done.length < CELLS, `${done.length} of ${CELLS} cells were done when it was killed`);
  const before = done.map(times);

  const { code } = await sweep(executor, folder).ended;
  assert(code === 0, `the sweep gone on with on ${executor} ended with ${code}`);
  for (const [i, cell] of done.entries()) {
    const after = times(cell);
    const changed = [...after].filter(([name, time]) => before[i].get(name) !== time).map(([name]) => name);
    assert(changed.length === 0, `${path.basename(cell)} was done, and then written to: ${changed.join(", ")}`);
  }
  const csv = readFileSync(path.join(folder, "sweep.csv"), "utf8");
  assert(
    csv.trimEnd().split("\n").length === CELLS + 1,
    `sweep.csv on ${executor} has a row for each of ${CELLS} cells`,
  );
  return csv;
}

const tables = [];
for (const executor of executors) tables.push(await check(executor));
for (const [i, executor] of executors.entries()) {
  assert(tables[i] === tables[0], `sweep.csv of ${executor} is that of ${executors[0]}, to the bit`);
}
console.log(
  `\nsweep.csv is the same, to the bit, on ${executors.join(" and ")}; ${CELLS} cells, each sweep killed once`,
);
