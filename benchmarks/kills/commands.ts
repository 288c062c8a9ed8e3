/** @file The commands to kill, at a size that takes seconds, and how to continue each. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const PROGRAM = path.join(root, "dist/trainer/cli/main.js");

/** Every part works, but briefly: a real CLIP with random weights reads and learns like the bundled one. */
const SMALL = [
  ...["--vlm", path.join(root, "test/golden/clip-tiny"), "--device", "cpu", "--E", "3", "--T0", "10"],
  ...["--batch-size", "8", "--epochs", "1", "--updates-per-iteration", "20", "--replay-capacity", "4000"],
  ...["--feasibility-steps", "600", "--feasibility-updates", "20", "--natural-images", "4"],
  ...["--test-images-per-relation", "1", "--validation-images-per-relation", "1"],
];

export const COMMANDS = {
  train: ["train", ...SMALL, "--iterations", "3", "--seed", "7"],
  compare: ["compare", ...SMALL, "--iterations", "2", "--seeds", "1"],
  sweep: ["sweep", ...SMALL, "--iterations", "2", "--seeds", "1", "--beta", "1,10", "--no-estimate"],
} as const;

export type Command = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as Command[];

/** Relative to the working directory, so that equal runs also record equal commands. */
export const FOLDER = "run";

/** The words that start a command in `place`, or continue its work there, as documented. */
export function wordsFor(command: Command, place: string): readonly string[] {
  const begun = existsSync(path.join(place, FOLDER, "config.json"));
  if (begun && command !== "sweep") return [command, "--resume", FOLDER];
  return [...COMMANDS[command], "--out", FOLDER];
}
