/** @file The command line leaves nothing besides the requested files. .ci/check-local.mjs traces a whole comparison. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

it("a model that is read and run leaves nothing in the home folder and the temporary one", () => {
  const [home, temporary] = [temporaryFolder("home"), temporaryFolder("tmp")];
  // Like a user's shell: only the product itself keeps onnxruntime quiet.
  const { CI: _ci, ORT_DISABLE_TELEMETRY: _quiet, XDG_CACHE_HOME: _cache, ...inherited } = process.env;
  const env = { ...inherited, HOME: home, TMPDIR: temporary };
  const picture = path.join(root, "test/golden/preprocess/noise-33x48.png");
  const words = ["vlm", "score", "bundled", "--image", picture, "--caption", "the vase", "--device", "cpu"];
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, "dist/trainer/cli/main.js"), ...words], {
    env,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  expect([...readdirSync(home), ...readdirSync(temporary)]).toEqual([]);
});
