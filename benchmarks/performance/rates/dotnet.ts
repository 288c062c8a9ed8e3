/** @file Environment steps through one process of the .NET host; skipped without a .NET SDK. */

import { type Op, spawnServer } from "../../../protocol/index.js";
import { at } from "../../../trainer/at.js";
import { dotnetHostCommand, dotnetMissing } from "../../../trainer/environments/dotnet-host.js";
import { Random } from "../../../trainer/random/random.js";
import { type Benchmark, bestRate, type Measurement } from "./benchmark.js";

const CHUNK = 200;
const RESET_EVERY = 40;
const SECONDS = 0.4;
const REPETITIONS = 12;
/** .NET recompiles frequently used code with more optimization. */
const WARM_UP = 5000;

async function measure(environments: number): Promise<Measurement> {
  const { command, args } = dotnetHostCommand();
  await using host = await spawnServer({ command, args: [...args, "--envs", String(environments)] });
  const random = new Random(1);
  const actions = Array.from({ length: 1024 }, () => Float32Array.from({ length: 6 }, () => random.uniform(-1, 1)));
  let message = 0;
  const steps = async (messages: number): Promise<number> => {
    for (let i = 0; i < messages; i++, message++) {
      const ops = Array.from({ length: environments }, (_, env): Op => {
        if (message % RESET_EVERY === 0) return { env, op: "reset", seed: message + env };
        return { env, op: "step", action: at(actions, (message * environments + env) % actions.length) };
      });
      await host.batch(ops, ["state"]);
    }
    return messages * environments;
  };
  await steps(WARM_UP);
  return { value: await bestRate(() => steps(CHUNK), SECONDS, REPETITIONS) };
}

export const benchmarks: readonly Benchmark[] =
  dotnetMissing() === undefined
    ? [
        { name: "env.dotnet.state", counts: "round trips", measure: () => measure(1) },
        { name: "env.dotnet.batch8", counts: "environment steps", measure: () => measure(8) },
      ]
    : [];
