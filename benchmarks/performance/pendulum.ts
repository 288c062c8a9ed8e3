/**
 * @file `node dist/benchmarks/performance/pendulum.js [--seeds 5] [--steps 20000] [--convention sb3|cleanrl] [--replay
 * …] [--learner …] [--json]`: SAC on Pendulum-v1 over several seeds. It passes with a mean return of at least −200 at
 * 10,000 steps.
 */
import os from "node:os";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { REPLAY_KINDS } from "../../trainer/replay/replay.js";
import { LEARNERS } from "../../trainer/sac/learner.js";
import { trainPendulum } from "../../trainer/sac/train-pendulum.js";

const GATE = { step: 10_000, mean: -200 } as const;

const { seeds, steps, convention, replay, learner, threads, json } = await yargs(hideBin(process.argv))
  .options({
    seeds: { type: "number", default: 5, describe: "how many, from seed 0 on" },
    steps: { type: "number", default: 20_000, describe: "environment steps of each" },
    convention: { choices: ["sb3", "cleanrl"] as const, default: "sb3" as const },
    replay: { choices: REPLAY_KINDS, default: "uniform" as const },
    learner: { choices: LEARNERS, default: "onnx" as const },
    threads: { type: "number", default: 2 },
    json: { type: "boolean", default: false, describe: "one JSON document on standard output" },
  })
  .strict()
  .parse();

const say = json ? console.error : console.log;
const machine = `${os.cpus()[0]?.model.trim() ?? "unknown"}, ${os.cpus().length} cores, Node ${process.version}`;
say(`${machine}; ${convention}, ${replay} replay, ${learner}`);
const runs: { seed: number; curve: { step: number; mean: number }[]; seconds: number }[] = [];
for (let seed = 0; seed < seeds; seed++) {
  const start = performance.now();
  const curve: { step: number; mean: number }[] = [];
  for await (const { step, mean } of trainPendulum({
    seed,
    steps,
    convention,
    replay,
    learner,
    device: "cpu",
    threads,
  })) {
    curve.push({ step, mean });
    say(`seed ${seed}, step ${step}: mean return ${mean.toFixed(1)}`);
  }
  runs.push({ seed, curve, seconds: (performance.now() - start) / 1000 });
}
const meansAt = (step: number): number[] =>
  runs.flatMap(({ curve }) => curve.filter((at) => at.step === step).map(({ mean }) => mean));
const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const atGate = average(meansAt(GATE.step));
const atEnd = average(meansAt(steps));
const passed = atGate >= GATE.mean;
say(
  `mean over ${seeds} seeds: ${atGate.toFixed(1)} at step ${GATE.step}, ${atEnd.toFixed(1)} at step ${steps}: ${passed ? "passed" : "failed"}`,
);
if (json)
  console.log(
    JSON.stringify({ machine, convention, replay, learner, runs, atGate, atEnd, gate: GATE, passed }, null, 2),
  );
process.exitCode = passed ? 0 : 1;
