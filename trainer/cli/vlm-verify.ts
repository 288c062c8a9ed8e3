/** @file `rls3 vlm verify`: compares a model directory with the reference numbers in its golden folder. */
import type { CommandModule } from "yargs";
import { chooseDevice } from "../graph/device.js";
import { verify } from "../vlm/verification/index.js";
import { EXIT, printJson } from "./outcome.js";
import { parseThreads, plain, THREADS_OPTION } from "./plain.js";

interface Arguments {
  directory: string;
  device: string;
  threads: number;
  json: boolean;
}

const SHOWN = 20;

export const command: CommandModule<object, Arguments> = {
  command: "verify <directory>",
  describe: "compare with reference numbers of the Python originals, in the directory's golden folder",
  builder: (yargs) =>
    plain<Arguments>(
      yargs.positional("directory", {
        type: "string",
        demandOption: true,
        describe: "model directory that has golden/",
      }),
      {
        device: { type: "string", default: "cpu", describe: "auto, cpu, webgpu, cuda or cuda:N" },
        threads: THREADS_OPTION,
      },
    ),
  handler: async ({ directory, device: requested, threads, json }) => {
    const { device } = await chooseDevice(requested);
    const { compared, failures } = await verify(directory, { device, threads: parseThreads(threads) });
    if (json) printJson({ directory, compared, failed: failures.length, failures });
    else {
      const shown = failures.slice(0, SHOWN).map((line) => `${line}\n`);
      process.stdout.write(`${shown.join("")}${directory}: ${compared} compared, ${failures.length} failed\n`);
    }
    if (failures.length > 0 || compared === 0) process.exitCode = EXIT.no;
  },
};
