// Runs the sweep of β {1, 10} × η {.25, .5} × 2 seeds at the quick setting on each given executor, kills it once in the
// middle, and continues it with the same command. Every finished cell must stay unchanged, and all executors must end
// with the same sweep.csv and the same files in every cell, to the bit. `slurm` starts its own cluster
// (test/sweep/slurm-cluster.sh) with further faults: one job is requeued, one is told that its time is up, and the node
// of a third fails.
//   node .ci/sweep-check.mjs local [slurm …] [-- FLAGS]    FLAGS go to every executor but local, such as --slurm-mem 1G
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { resultFiles } = await import(path.join(root, "dist/test/runs/runs.js"));
const { finishedState } = await import(path.join(root, "dist/trainer/runs/run.js"));
const { startCluster } = await import(path.join(root, "dist/test/sweep/slurm-cluster.js"));
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

/** Starts the sweep at the head of a process group. Its output is printed, and can be waited for. */
function sweep(executor, folder, env) {
  const own = executor === "local" ? [] : flags;
  const args = [path.join(root, "dist/trainer/cli/main.js"), "sweep", ...GRID, "--jobs", "2", "--executor", executor];
  const child = spawn(process.execPath, [...args, ...own, "--out", folder], { cwd: root, detached: true, env });
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

/**
 * Kills processes with the sweep's folder in their arguments: the cells, wherever a scheduler started them on this
 * machine.
 */
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
  throw new Error(`failed: ${what}`);
};

/** What happens to an executor besides killing the sweep's own process, and what must hold at its end. */
const PLAIN = { env: process.env, jobsFail: killCells, meanwhile: async () => undefined, holds: () => undefined };

/**
 * Jobs go on without their controller: one is requeued, another's node fails, and a later one is told that its time is
 * up.
 */
function slurmTrouble(cluster, folder) {
  const running = () =>
    cluster
      .slurm("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i %N")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" "));
  const own = path.join(folder, "slurm");
  const log = (task) => {
    const { cells } = JSON.parse(readFileSync(path.join(own, "submission-0001.json"), "utf8"));
    const file = path.join(own, "logs", `${cells[Number(task.split("_")[1])]}.log`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  let met = [];
  return {
    env: cluster.environment,
    jobsFail: async () => {
      // Two jobs that are not about to end.
      let two = [];
      for (let looks = 0; two.length < 2; looks++, await sleep(50)) {
        assert(looks < 6000, "two jobs were in the middle");
        two = running().filter(([task]) => !/iteration [23]\/3/.test(log(task)));
      }
      const [[requeued], [failed, node]] = two;
      met = [requeued, failed];
      cluster.fail(node);
      cluster.slurm("scontrol", "requeue", requeued);
      console.log(`requeued ${requeued}; ${node} with ${failed} has failed`);
    },
    meanwhile: async (ended) => {
      // A job that ends before the signal proves nothing; then try the next one.
      while (!(await Promise.race([ended, sleep(50)]))) {
        const next = running().find(([task]) => !met.includes(task) && /iteration 1\/3/.test(log(task)))?.[0];
        if (next === undefined) continue;
        met.push(next);
        console.log(`telling ${next} that its time is up, as Slurm does a minute before a limit`);
        // For an array with waiting tasks, scancel sends the signal, but reports an error and tries again.
        cluster.slurm("sh", "-c", `timeout 4 scancel --batch --signal=USR2 ${next} || true`);
        while (running().some(([task]) => task === next)) await sleep(200);
        if (/time is up: saved/.test(log(next))) return;
      }
    },
    holds: (said) => {
      assert(/found \d+ cells of an earlier start in the queue/.test(said), "the jobs that ran on were found again");
      const submitted = readdirSync(own).filter((name) => name.startsWith("submission"));
      assert(submitted.length === 1, `nothing was submitted twice (${submitted.join(", ")})`);
      const logs = readdirSync(path.join(own, "logs"))
        .filter((name) => name.endsWith(".log"))
        .map((name) => readFileSync(path.join(own, "logs", name), "utf8"));
      const again = logs.filter((text) => text.includes(", start 2")).length;
      assert(again === 3, `3 jobs were started again, not ${again}`);
      assert(
        logs.some((text) => text.includes("time is up: saved")),
        "one saved its state before its time was up",
      );
    },
  };
}

async function check(executor, folder, { env, jobsFail, meanwhile, holds }) {
  console.log(`\n── a sweep on ${executor}, killed once`);
  const first = sweep(executor, folder, env);
  // Some cells are finished, and others are running.
  await first.until((said) => finished(said) >= 3);
  try {
    process.kill(-first.child.pid, "SIGKILL");
  } catch {
    // it has ended by itself, which the next line finds out
  }
  const killed = await first.ended;
  assert(killed.signal === "SIGKILL", `on ${executor} the sweep ended before it could be killed, with ${killed.code}`);
  await jobsFail(folder);
  const done = readdirSync(path.join(folder, "cells"))
    .map((name) => path.join(folder, "cells", name))
    .filter((cell) => finishedState(cell) !== null);
  assert(done.length >= 1 && done.length < CELLS, `${done.length} of ${CELLS} cells were done when it was killed`);
  const before = done.map(times);

  const second = sweep(executor, folder, env);
  await meanwhile(second.ended).catch((error) => {
    process.kill(-second.child.pid, "SIGKILL");
    throw error;
  });
  const { code, said } = await second.ended;
  assert(code === 0, `the continued sweep on ${executor} ended with ${code}`);
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
  holds(said);
  const cells = readdirSync(path.join(folder, "cells")).sort();
  const files = cells.flatMap((name) =>
    [...resultFiles(path.join(folder, "cells", name))].map(([file, content]) => [`${name}/${file}`, content]),
  );
  return { csv, files: new Map(files) };
}

async function checkOn(executor) {
  const folder = path.join(parent, executor);
  if (executor !== "slurm") return check(executor, folder, PLAIN);
  const cluster = await startCluster(path.join(parent, "cluster"), "--nodes", "3", "--cpus", "1");
  try {
    return await check(executor, folder, slurmTrouble(cluster, folder));
  } finally {
    await cluster.stop();
  }
}

try {
  const results = [];
  for (const executor of executors) results.push(await checkOn(executor));
  const [reference] = results;
  for (const [i, executor] of executors.entries()) {
    const { csv, files } = results[i];
    assert(csv === reference.csv, `sweep.csv of ${executor} is that of ${executors[0]}, to the bit`);
    const names = new Set([...files.keys(), ...reference.files.keys()]);
    const different = [...names].filter((name) => files.get(name) !== reference.files.get(name));
    assert(different.length === 0, `on ${executor} these are others than on ${executors[0]}: ${different.join(", ")}`);
  }
  console.log(
    `\nsweep.csv and ${reference.files.size} files of ${CELLS} cells are the same, to the bit, on ${executors.join(" and ")}, each killed once`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(parent, { recursive: true, force: true });
}
