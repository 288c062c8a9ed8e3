/** @file Replay: 256 rows sampled with priorities, gathered, and their priorities updated, from a full buffer. */
import { Random } from "../../../trainer/random/random.js";
import { createReplay, type ReplayOptions, replayBytes } from "../../../trainer/replay/replay.js";
import { type Benchmark, bestRate, type Measurement } from "./benchmark.js";

const BATCH = 256;
/** Transitions of the sac benchmark's size. */
const OBSERVATION = 40;
const ACTION = 6;

async function measure(capacity: number): Promise<Measurement> {
  const vector = (width: number) => ({ type: "float32", width }) as const;
  const options: ReplayOptions = {
    kind: "prioritized",
    capacity,
    schema: {
      observation: vector(OBSERVATION),
      nextObservation: vector(OBSERVATION),
      action: vector(ACTION),
      reward: vector(1),
      terminated: vector(1),
    },
  };
  const replay = createReplay(options);
  const random = new Random(1);
  const columns = Object.entries(options.schema).map(
    ([name, { width }]) => [name, Float32Array.from({ length: 1000 * width }, () => random.float())] as const,
  );
  const rows = Object.fromEntries(columns);
  for (let added = 0; added < capacity; added += 1000) {
    replay.add(
      rows,
      1000,
      Float64Array.from({ length: 1000 }, () => random.float()),
    );
  }
  const errors = Float64Array.from({ length: BATCH }, () => random.float());
  const value = await bestRate(() => {
    const { indices } = replay.sample(BATCH, random, 0.5);
    replay.update(indices, errors);
    return 1;
  });
  return { value, note: `${(replayBytes(options) / 2 ** 20).toFixed(0)} MiB` };
}

export const benchmarks: readonly Benchmark[] = [
  { name: "replay.1e5", counts: `batches of ${BATCH}`, measure: () => measure(100_000) },
  { name: "replay.1e6", counts: `batches of ${BATCH}`, measure: () => measure(1_000_000) },
];
