/** @file report.html at the end of a run: a report that cannot be drawn is a warning, never the loss of the run. */
import type { Progress } from "../rls3/progress.js";

/** The report's path, or null. */
export function writeReport(_folder: string, _progress: Progress): Promise<string | null> {
  return Promise.resolve(null);
}
