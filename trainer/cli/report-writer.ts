/** @file Writes report.html at the end of a run. A report that fails is a warning; the run is not lost. */
import path from "node:path";
import type { Progress } from "../progress.js";
import { renderReport } from "../report/html/report.js";
import { typedPath } from "./run-folder.js";

/** The report's path, or null. */
export async function writeReport(folder: string, progress: Progress): Promise<string | null> {
  try {
    await renderReport(folder);
    return path.join(folder, "report.html");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.warn(`no report (${why}); the results are there, and rls3 report ${typedPath(folder)} tries again`);
    return null;
  }
}
