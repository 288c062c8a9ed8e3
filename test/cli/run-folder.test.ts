import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { interruptedMessage } from "../../trainer/cli/run-folder.js";
import { temporaryFolder } from "../temporary.js";

it("the command after an interruption can be pasted, whatever the folder is called", () => {
  const folder = path.join(temporaryFolder("interrupted"), "it's a run");
  expect(interruptedMessage("train", folder)).toBe("interrupted before anything was written");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "config.json"), "{}");
  const word = `'${folder.replace("'", "'\\''")}'`;
  expect(interruptedMessage("train", folder)).toBe(`interrupted; state saved, go on with: rls3 train --resume ${word}`);
});
