/** @file `rls3 env view`: a picture of a seed and actions as PNG, with every pair's caption and each action's validity. */

import { existsSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import type { CommandModule } from "yargs";
import { InputError, UnavailableError } from "../errors.js";
import { writeDurably } from "../files/durable-file.js";
import { ACTION_NAMES, loadCatalog, SHIPPED_WORLDS } from "../rooms/index.js";
import { WORLD_MEANING } from "./options.js";
import { plain } from "./plain.js";
import { describeInfo, LocalRoom, parseAction } from "./room-view.js";

interface Arguments {
  world: string;
  seed: number;
  scene: string | undefined;
  action: string[] | undefined;
  size: number;
  out: string;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "view",
  describe: "picture of a seed and actions, with captions",
  builder: (yargs) =>
    plain<Arguments>(yargs, {
      world: { type: "string", default: SHIPPED_WORLDS[0], describe: WORLD_MEANING },
      seed: { type: "number", default: 0, describe: "seed of the layout" },
      scene: { type: "string", describe: "scene by number or name; else the seed draws it" },
      action: {
        type: "string",
        nargs: 1,
        coerce: (given: string | string[]) => [given].flat(),
        describe: `an action, "${ACTION_NAMES.join(", ")}" in [-1, 1]; may be repeated`,
      },
      size: { type: "number", default: 512, describe: "side of the picture, 32 to 512 pixels" },
      out: { type: "string", default: "room.png", describe: "PNG file to write" },
    }),
  handler: view,
};

async function view(args: Arguments): Promise<void> {
  if (!Number.isInteger(args.size) || args.size < 32 || args.size > 512) {
    throw new InputError(`--size is a whole number from 32 to 512, not ${args.size}`);
  }
  if (!Number.isSafeInteger(args.seed) || args.seed < 0) {
    throw new InputError(`--seed is a whole number from 0 on, not ${args.seed}`);
  }
  const actions = (args.action ?? []).map((text) => {
    const action = parseAction(text);
    if (action !== undefined) return action;
    throw new InputError(`--action "${text}" is not six numbers in [-1, 1] with commas: ${ACTION_NAMES.join(", ")}`);
  });
  const room = new LocalRoom(loadCatalog(args.world));
  room.reset(args.seed, args.scene);
  const steps = actions.map((action) => ({ action, ...room.step(action) }));
  const file = path.resolve(args.out);
  await writePng(file, room.picture(args.size), args.size);
  const seen = room.view();
  if (args.json) {
    process.stdout.write(`${JSON.stringify({ world: args.world, seed: args.seed, file, steps, ...seen })}\n`);
    return;
  }
  const lines = [
    ...steps.map(({ info }, index) => `action ${index + 1}: ${describeInfo(info)}`),
    `${seen.scene}, state ${seen.stateHash}`,
    ...seen.objects.map(({ slot, name, x, y, z, yaw }) => `  ${slot} ${name} at ${x}, ${y}, ${z} mm, yaw ${yaw}`),
    ...seen.captions.map((caption) => `  ${caption}`),
    file,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function writePng(file: string, pixels: Uint8Array, size: number): Promise<void> {
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  if (!existsSync(path.dirname(file)))
    throw new InputError(
      `--out ${file}: cannot be written (there is no such folder); name a file in one that is there`,
    );
  try {
    writeDurably(file, png);
  } catch (error) {
    if (error instanceof UnavailableError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`--out ${file}: cannot be written (${why}); name a file in a folder that can`);
  }
}
