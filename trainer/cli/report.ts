/** @file rls3 report: report.html (and a comparison's summary.json) anew from what a run has written. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { Argv, CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { renderReport } from "../report/html/report.js";
import { rebuildSummary } from "../report/rebuild.js";
import { renderTerminal } from "../report/terminal.js";

interface ReportArguments {
  folder: string;
  json: boolean;
}

async function report({ folder, json }: ReportArguments): Promise<void> {
  if (!existsSync(folder)) throw new InputError(`${folder}: does not exist; name the folder of a run or a comparison`);
  if (!statSync(folder).isDirectory())
    throw new InputError(`${folder}: is a file; name the folder of a run or a comparison`);
  const summary = await rebuildSummary(folder);
  await renderReport(folder);
  const page = path.join(folder, "report.html");
  if (json) {
    process.stdout.write(`${JSON.stringify({ report: page, summary })}\n`);
    return;
  }
  if (summary !== null) process.stdout.write(`${renderTerminal(summary)}\n\n`);
  process.stdout.write(`report: ${page}\n`);
}

export const command: CommandModule<object, ReportArguments> = {
  command: "report <folder>",
  describe: "rebuild report.html, and a comparison's summary.json, from a folder's runs",
  builder: (yargs: Argv) =>
    yargs
      .positional("folder", {
        type: "string",
        demandOption: true,
        describe: "folder of a run or a comparison (its --out)",
      })
      .option("json", { type: "boolean", default: false, describe: "one JSON document on standard output" }),
  handler: report,
};
