// The same sweep at --quick, here and on a Slurm cluster of its own, each killed once in the middle: the same table, and equal cells, to the bit.
// On Slurm a task is requeued too, another is told that its time is up, and a node fails.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { resultFiles } = await import(path.join(root, "dist/test/rls3/runs.js"));
const { startCluster } = await import(path.join(root, "dist/test/sweep/slurm-cluster.js"));
const SWEEP = "sweep --quick --device cpu --beta 1,10 --eta .25,.5 --seeds 2 --no-estimate";
const CELLS = 8;

const folder = mkdtempSync(path.join(tmpdir(), "rls3-executors-"));
let failed = false;
const check = (what, ok) => {
  console.log(`${ok ? "  ok" : "  NOT"}: ${what}`);
  failed ||= !ok;
};

/** The sweep as a process, and what it has said so far. */
function sweep(args, env) {
  const child = spawn(process.execPath, [path.join(root, "dist/trainer/cli/main.js"), ...SWEEP.split(" "), ...args], {
    ...{ cwd: root, env, stdio: ["ignore", "ignore", "pipe"] },
  });
  const running = { child, text: "" };
  child.stderr.setEncoding("utf8").on("data", (text) => {
    running.text += text;
  });
  running.ended = new Promise((resolve) => {
    child.on("close", resolve);
  });
  return running;
}

/** Waits until `look` finds something. */
async function until(what, running, look) {
  for (let rounds = 0; rounds < 3000; rounds++) {
    const found = look();
    if (found) return found;
    if (running.child.exitCode !== null) throw new Error(`the sweep ended before ${what}:\n${running.text}`);
    await sleep(100);
  }
  throw new Error(`not in five minutes: ${what}\n${running.text}`);
}

/** Kills the sweep once `look` says that it is in the middle, does `harm`, and starts it again to its end. */
async function killedOnce(args, env, look, harm) {
  const first = sweep(args, env);
  const found = await until("it was in the middle", first, () => look(first.text));
  first.child.kill("SIGKILL");
  await first.ended;
  await harm(found);
  const second = sweep(args, env);
  const code = await second.ended;
  check(`${args.join(" ")}: gone on with after SIGKILL`, code === 0);
  if (code !== 0) console.log(second.text);
  return second.text;
}

const cellsOf = (sweepFolder) => readdirSync(path.join(sweepFolder, "cells")).sort();

async function here() {
  const out = path.join(folder, "local");
  const third = (text) => (text.match(/iteration 1\/3/g) ?? []).length >= 3;
  await killedOnce(["--out", out], process.env, third, async () => undefined);
  return out;
}

async function onSlurm() {
  const out = path.join(folder, "slurm");
  const cluster = await startCluster(path.join(folder, "cluster"), "--nodes", "2", "--cpus", "1");
  try {
    const env = cluster.environment;
    const running = () =>
      cluster
        .slurm("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i %N")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split(" "));
    const text = await killedOnce(
      ["--executor", "slurm", "--out", out],
      env,
      (said) => /iteration 1\/3/.test(said) && running().length === 2,
      async () => {
        // The tasks run on without their controller: one is put back into the queue, the other's node fails.
        const [[one], [, node]] = running();
        cluster.slurm("scontrol", "requeue", one);
        cluster.slurm("scontrol", "update", `nodename=${node}`, "state=down", "reason=check");
        cluster.slurm("scontrol", "update", `nodename=${node}`, "state=resume");
        // And of those that come next one is told that its time is up, once it has something to save.
        const log = (id) => path.join(out, "slurm/logs", `${cellOf(out, id)}.log`);
        const saved = (id) => existsSync(log(id)) && /iteration 1\/3/.test(readFileSync(log(id), "utf8"));
        let next;
        for (; next === undefined; await sleep(200)) next = running().find(([id]) => id !== one && saved(id))?.[0];
        // For an array of which some tasks still wait, scancel sends the signal, calls it an error all the same, and tries again.
        cluster.slurm("sh", "-c", `timeout 2 scancel --batch --signal=USR2 ${next} || true`);
      },
    );
    check("its jobs were found again", /found \d+ cells of an earlier start in the queue/.test(text));
  } finally {
    await cluster.stop();
  }
  const own = path.join(out, "slurm");
  check("no cell was submitted twice", readdirSync(own).filter((name) => name.startsWith("submission")).length === 1);
  const logs = readdirSync(path.join(own, "logs")).map((name) => readFileSync(path.join(own, "logs", name), "utf8"));
  check("three cells were started twice", logs.filter((log) => log.includes(", start 2")).length === 3);
  check("one was saved before its time was up", logs.filter((log) => log.includes("time is up: saved")).length === 1);
  return out;
}

const cellOf = (out, task) =>
  JSON.parse(readFileSync(path.join(out, "slurm/submission-0001.json"), "utf8")).cells[Number(task.split("_")[1])];

try {
  const [local, slurm] = [await here(), await onSlurm()];
  const tables = [local, slurm].map((out) => readFileSync(path.join(out, "sweep.csv"), "utf8"));
  check(`sweep.csv has ${CELLS} rows`, tables[0].trimEnd().split("\n").length === CELLS + 1);
  check("sweep.csv is the same, byte for byte", tables[0] === tables[1]);
  for (const cell of cellsOf(local)) {
    const [a, b] = [local, slurm].map((out) => resultFiles(path.join(out, "cells", cell)));
    const different = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
    check(
      `${cell}: ${a.size} files are the same${different.length > 0 ? `, but not ${different}` : ""}`,
      different.length === 0,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
