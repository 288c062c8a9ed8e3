/** @file `rls3 env step`: steps a room by hand in the terminal, with state, reasons, captions and a small picture. */

import { createInterface } from "node:readline/promises";
import type { CommandModule } from "yargs";
import { InputError } from "../errors.js";
import { Random } from "../random/random.js";
import { ACTION_NAMES, loadCatalog, SHIPPED_WORLDS } from "../rooms/index.js";
import { WORLD_MEANING } from "./options.js";
import { plain } from "./plain.js";
import { describeInfo, LocalRoom, parseAction } from "./room-view.js";

interface Arguments {
  world: string;
  seed: number;
  scene: string | undefined;
  color: boolean;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "step",
  describe: "step a room by hand in the terminal",
  builder: (yargs) =>
    plain<Arguments>(yargs, {
      world: { type: "string", default: SHIPPED_WORLDS[0], describe: WORLD_MEANING },
      seed: { type: "number", default: 0, describe: "seed of the first layout and of random actions" },
      scene: { type: "string", describe: "scene by number or name; else the seed draws it" },
      color: {
        type: "boolean",
        default: process.stdout.isTTY === true,
        describe: "show a small picture (needs a terminal with 24-bit colour)",
      },
    }),
  handler: step,
};

/** Side in pixels. A column is one pixel and a line is two, so the picture fits into 80 columns. */
const PICTURE = 64;

const HELP = `r  a random action      n  next seed      q  quit
or six numbers in [-1, 1] with commas:
   ${ACTION_NAMES.join(", ")}`;

async function step({ world, seed, scene, color, json }: Arguments): Promise<void> {
  if (json)
    throw new InputError("--json: env step talks with a person; a program speaks the protocol with rls3 env serve");
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InputError(`--seed is a whole number from 0 on, not ${seed}`);
  const room = new LocalRoom(loadCatalog(world));
  const random = Random.stream(seed, "env step");
  let episode = seed;
  room.reset(episode, scene);
  show(room, color, `seed ${episode}`);
  process.stdout.write(`${HELP}\n`);
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: "action> " });
  lines.prompt();
  for await (const line of lines) {
    const typed = line.trim();
    if (typed === "q") break;
    if (typed === "n") {
      episode += 1;
      room.reset(episode, scene);
      show(room, color, `seed ${episode}`);
    } else {
      const action = typed === "r" ? ACTION_NAMES.map(() => random.uniform(-1, 1)) : parseAction(typed);
      if (action === undefined) {
        process.stdout.write(`"${typed}" is none of these:\n${HELP}\n`);
      } else {
        const { reward, info } = room.step(action);
        const numbers = action.map((value) => value.toFixed(2)).join(", ");
        show(room, color, `${numbers}\nreward ${reward}, ${describeInfo(info)}`);
      }
    }
    lines.prompt();
  }
  lines.close();
}

function show(room: LocalRoom, color: boolean, title: string): void {
  const { scene, objects, captions, stateHash } = room.view();
  const lines = [
    ...(color ? halfBlocks(room.picture(PICTURE), PICTURE) : []),
    title,
    `${scene}, state ${stateHash}`,
    ...objects.map(({ slot, name, x, y, z, yaw }) => `  ${slot} ${name} at ${x}, ${y}, ${z} mm, yaw ${yaw}`),
    ...captions.map((caption) => `  ${caption}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Two pixels per character: the upper one in the colour of "▀", the lower one as its background. */
function halfBlocks(pixels: Uint8Array, size: number): string[] {
  const color = (row: number, column: number): string => {
    const at = (row * size + column) * 3;
    return `${pixels[at]};${pixels[at + 1]};${pixels[at + 2]}`;
  };
  return Array.from({ length: size / 2 }, (_, line) => {
    const characters = Array.from(
      { length: size },
      (_, column) => `\x1b[38;2;${color(2 * line, column)};48;2;${color(2 * line + 1, column)}m▀`,
    );
    return `${characters.join("")}\x1b[0m`;
  });
}
