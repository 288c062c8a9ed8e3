/** @file `rls3 dashboard`: the live page of a folder of runs, on this machine only, until interrupted. */
import { spawn } from "node:child_process";
import { existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { startDashboard, USUAL_PORT } from "../report/dashboard/server.js";
import { interruptible } from "./outcome.js";
import { plain } from "./plain.js";

interface DashboardArguments {
  folder: string;
  port: string | undefined;
  open: boolean;
  json: boolean;
  quiet: boolean;
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65536) return port;
  throw new InputError(`--port: takes a number from 0 to 65535 (0 for a free one), not ${JSON.stringify(text)}`);
}

/** Asks the system to show the page. A machine without a screen cannot, which is no error. */
function openBrowser(url: string): void {
  const [command, ...words] =
    process.platform === "darwin" ? ["open"] : process.platform === "win32" ? ["explorer"] : ["xdg-open"];
  if (command === undefined) return;
  const child = spawn(command, [...words, url], { stdio: "ignore", detached: true });
  child.on("error", () => process.stderr.write(`--open: ${command} is not there; open the address yourself\n`));
  child.unref();
}

async function dashboard({ folder, port, open, json, quiet }: DashboardArguments): Promise<void> {
  if (!existsSync(folder)) throw new InputError(`${folder}: does not exist; name a folder of runs, such as runs`);
  if (!statSync(folder).isDirectory())
    throw new InputError(`${folder}: is a file; name a folder of runs, such as runs`);
  const stopped = interruptible();
  const page = await startDashboard(realpathSync(path.resolve(folder)), parsePort(port));
  if (json) process.stdout.write(`${JSON.stringify({ url: page.url, folder })}\n`);
  else
    process.stdout.write(
      quiet ? `${page.url}\n` : `live page of ${folder}: ${page.url}\n(this machine only; Ctrl-C ends it)\n`,
    );
  if (open) openBrowser(page.url);
  await new Promise<void>((resolve) => stopped.addEventListener("abort", () => resolve(), { once: true }));
  await page.close();
}

export const command: CommandModule<object, DashboardArguments> = {
  command: "dashboard [folder]",
  describe: "live page of a folder of runs, comparisons and sweeps, on this machine only",
  builder: (yargs) =>
    plain<DashboardArguments>(
      yargs.positional("folder", { type: "string", default: "runs", describe: "where the runs are" }),
      {
        port: {
          type: "string",
          describe: "port on 127.0.0.1",
          defaultDescription: `${USUAL_PORT}, or a free one where that is taken`,
        },
        open: { type: "boolean", default: false, describe: "open it in the browser" },
      },
    ),
  handler: dashboard,
};
