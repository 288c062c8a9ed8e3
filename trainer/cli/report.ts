/** @file `rls3 report`: writes report.html (and the summary of a comparison or sweep) again from its runs' files. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { Argv, CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { renderReport } from "../report/html/report.js";
import { writeSweepReport } from "../report/html/sweep.js";
import { rebuildSummary } from "../report/rebuild.js";
import { isSweep } from "../report/sweep/read.js";
import { renderSweepTerminal } from "../report/sweep/terminal.js";
import { renderTerminal } from "../report/terminal.js";
import { plain } from "./plain.js";

interface ReportArguments {
  folder: string;
  json: boolean;
}

async function report({ folder, json }: ReportArguments): Promise<void> {
  const wanted = "name the folder of a run, a comparison or a sweep";
  if (!existsSync(folder)) throw new InputError(`${folder}: does not exist; ${wanted}`);
  if (!statSync(folder).isDirectory()) throw new InputError(`${folder}: is a file; ${wanted}`);
  const { summary, text } = (await isSweep(folder)) ? await ofSweep(folder) : await ofRuns(folder);
  const page = path.join(folder, "report.html");
  if (json) {
    process.stdout.write(`${JSON.stringify({ report: page, summary })}\n`);
    return;
  }
  if (text !== null) process.stdout.write(`${text}\n\n`);
  process.stdout.write(`report: ${page}\n`);
}

interface Rebuilt {
  /** Null for a single run. */
  readonly summary: object | null;
  readonly text: string | null;
}

async function ofRuns(folder: string): Promise<Rebuilt> {
  const summary = await rebuildSummary(folder);
  await renderReport(folder);
  return { summary, text: summary === null ? null : renderTerminal(summary) };
}

async function ofSweep(folder: string): Promise<Rebuilt> {
  const summary = await writeSweepReport(folder);
  return { summary, text: renderSweepTerminal(summary) };
}

export const command: CommandModule<object, ReportArguments> = {
  command: "report <folder>",
  describe: "rebuild report.html, and a comparison's or a sweep's summary, from a folder's runs",
  builder: (yargs: Argv) =>
    plain<ReportArguments>(
      yargs.positional("folder", {
        type: "string",
        demandOption: true,
        describe: "folder of a run, a comparison or a sweep (its --out)",
      }),
      {},
    ),
  handler: report,
};
