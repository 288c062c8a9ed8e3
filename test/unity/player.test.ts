/** @file A player that does not start: the message has its usual reason in plain words, and its output. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { explainFailure } from "../../trainer/environments/player.js";
import { silent } from "../../trainer/progress.js";

const folder = mkdtempSync(path.join(tmpdir(), "rls3-player-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Programs that end like a player, each with its typical output. */
function player(name: string, says: string, mode = 0o755): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "$@" > "${folder}/arguments"\necho "${says}" >&2\nexit 1\n`, { mode });
  return file;
}

const open = (env: string) => openEnvironments({ env, world: "rooms", count: 1, imageSize: 64 }, silent);

describe("a player that does not start", () => {
  it("is started without a window and with its log on standard output; its reason comes first in the message", async () => {
    const library = "error while loading shared libraries: libGLU.so.1: cannot open shared object file";
    await expect(open(player("no-library", library))).rejects.toThrow(/the library libGLU\.so\.1 is missing: install/);
    expect(readFileSync(path.join(folder, "arguments"), "utf8")).toMatch(
      /^-batchmode -logFile - --world rooms .*--connect tcp:/,
    );
    await expect(open(player("silent", "nothing that is known"))).rejects.toThrow(/nothing that is known/);
  });

  it("on macOS is the program inside the named folder", async () => {
    mkdirSync(path.join(folder, "rooms.app/Contents/MacOS"), { recursive: true });
    player("rooms.app/Contents/MacOS/rooms", "started inside");
    await expect(open(path.join(folder, "rooms.app"))).rejects.toThrow(/started inside/);
    mkdirSync(path.join(folder, "empty.app"));
    await expect(open(path.join(folder, "empty.app"))).rejects.toThrow(/is no macOS player/);
  });

  it.each([
    ["there is no display", "Unable to open X display"],
    ["there is no display", "SDL: No available video device"],
    ["Vulkan does not work", "vkCreateInstance returned VK_ERROR_INCOMPATIBLE_DRIVER"],
    ["Editor without a licence", "No valid Unity Editor license found. Please activate your license."],
    ["needs a newer system", "/lib/libc.so.6: version `GLIBC_2.38' not found"],
    ["not executable", "spawn rooms.x86_64 EACCES"],
    ["no graphics device could be used", "InitializeEngineGraphics failed"],
  ])("says %s", (reason, said) => {
    expect(explainFailure(`some line\n${said}\nanother`)).toContain(reason);
  });
});
