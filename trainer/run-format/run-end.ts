/** @file Whether a run has everything it was asked for, from its files. */
import path from "node:path";
import { z } from "zod";
import { openPlainFile } from "../files/plain-file.js";
import { logEntries, type MetricsRow, type RunConfig } from "./readers.js";

/** What of a run's configuration says how long it is. */
const lengthSchema = z.object({
  iterations: z.number(),
  validSamples: z.number().default(0),
  episodesPerIteration: z.number().default(0),
  samplesPerEpisode: z.number().default(0),
});
export type RunLength = z.infer<typeof lengthSchema>;

/** Null where the configuration does not say it. */
export const lengthOf = ({ configuration }: Pick<RunConfig, "configuration">): RunLength | null =>
  lengthSchema.safeParse(configuration).data ?? null;

/** Whether the table has all iterations, or all valid samples. */
export function isWhole(length: RunLength | null, last: MetricsRow | undefined): boolean {
  if (length === null || last === undefined) return false;
  const { iterations, validSamples } = length;
  return validSamples > 0 ? last.valid !== null && last.valid >= validSamples : (last.iteration ?? -1) >= iterations;
}

/** The last lines of log.jsonl: after the end of a run stands at most what its process took. */
const LOG_END = 8192;
/** Entries of the log that say whether the run goes on. */
const MARKS: ReadonlySet<unknown> = new Set(["finished", "resumed", "iteration"]);

/**
 * Whether the end of the log says that the run is done: one that stopped early has fewer iterations than it was given.
 * After that it may have been taken up again.
 */
export async function saysFinished(file: string): Promise<boolean> {
  const handle = await openPlainFile(file, Number.POSITIVE_INFINITY);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, LOG_END));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
    const last = logEntries(bytes.toString("utf8", 0, bytesRead)).findLast(({ msg }) => MARKS.has(msg));
    return last?.["msg"] === "finished";
  } finally {
    await handle.close();
  }
}

/** Whether the run in a folder has ended with everything it was asked for. */
export const isFinished = async (folder: string, config: RunConfig, rows: readonly MetricsRow[]): Promise<boolean> =>
  isWhole(lengthOf(config), rows.at(-1)) || (await saysFinished(path.join(folder, "log.jsonl")).catch(() => false));
