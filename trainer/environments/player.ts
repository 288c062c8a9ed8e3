/** @file Unity players: the flags that they need, and plain words for the usual reasons why one does not start. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { ProtocolError } from "../../protocol/index.js";
import { InputError, UnavailableError } from "../errors.js";

/**
 * No window, and the log on standard output, where the supervisor keeps its last lines. Never -nographics, which would
 * give no images.
 */
const FLAGS: readonly string[] = ["-batchmode", "-logFile", "-"];

/** The command line of a player. On macOS a player is a folder with the program inside. */
export function playerCommand(player: string): { readonly command: string; readonly args: readonly string[] } {
  const file = path.resolve(player);
  if (!file.endsWith(".app") && statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InputError(`${player} is a folder: name the player's program in it`);
  }
  return { command: file.endsWith(".app") ? programInside(file) : file, args: FLAGS };
}

function programInside(app: string): string {
  const folder = path.join(app, "Contents/MacOS");
  const [program] = existsSync(folder) ? readdirSync(folder) : [];
  if (program === undefined)
    throw new InputError(`${app} is no macOS player: there is no program in its Contents/MacOS`);
  return path.join(folder, program);
}

/** What a player's last lines (or the system's error) mean, and what to do. The first match is used. */
const USUAL_FAILURES: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [
    /error while loading shared libraries: (\S+):/,
    ([, library]) => `the library ${library} is missing: install the system package that has it`,
  ],
  [
    /(GLIBC(?:XX)?_[\d.]+)' not found/,
    ([, version]) => `the player needs a newer system than this one (${version}): build it for this one, or move`,
  ],
  [
    /EACCES|Permission denied/,
    () => "the file is not executable: chmod +x it (an archive may have dropped the permission)",
  ],
  [/Exec format error|ENOEXEC/, () => "the file is no program for this system and processor: build the player for it"],
  [
    /no valid unity (?:editor )?licen[cs]e|licen[cs]ing.*(?:fail|error|expired)|access token is unavailable/i,
    () => "this is the Unity Editor without a licence: activate one, or give a built player",
  ],
  [
    /vkCreateInstance|vulkan[^\n]*(?:fail|not (?:found|supported|available))|vulkan detection: 0/i,
    () =>
      "Vulkan does not work here: install a Vulkan driver (on Debian mesa-vulkan-drivers), or start with -force-glcore",
  ],
  [
    /no available video device|(?:unable to|can(?:no|')t|failed to) open (?:X )?display|no display/i,
    () => "there is no display: start under xvfb-run -a, or on a machine with a graphics device",
  ],
  [
    /InitializeEngineGraphics failed|failed to initialize graphics|no supported (?:renderer|graphics)/i,
    () => "no graphics device could be used: rls3 doctor says which there are; without images, use --render embedded",
  ],
];

export function explainFailure(text: string): string | undefined {
  for (const [pattern, explain] of USUAL_FAILURES) {
    const found = pattern.exec(text);
    if (found !== null) return explain(found);
  }
  return undefined;
}

/** Adds the usual reason, where one is known, to the error of a player that did not start. */
export function playerFailure(player: string, error: unknown): unknown {
  if (!(error instanceof ProtocolError)) return error;
  const reason = explainFailure(error.message);
  return new UnavailableError(
    `--env ${player}: ${reason === undefined ? error.message : `${reason}. It said: ${error.message}`}`,
  );
}
