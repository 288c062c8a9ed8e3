import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { drawingFrom } from "../../trainer/environments/wander.js";
import { drawNamedPictures, type Named, namesKnown, namingWarning } from "../../trainer/evaluation/naming.js";
import { silent } from "../../trainer/progress.js";
import { openModel } from "../../trainer/vlm/index.js";
import { rls3, root, TINY_MODEL, tiny } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const BUNDLED = path.join(root, "trainer/vlm/bundled");
const opened: { close(): Promise<void> | void }[] = [];
afterAll(async () => {
  for (const part of opened) await part.close();
});

async function named(directory: string, world: string): Promise<Named[]> {
  const model = await openModel(directory, { runtime: { device: "cpu", threads: 1 } });
  const environments = await openEnvironments({ env: "embedded", world, count: 8, imageSize: model.imageSize }, silent);
  opened.push(model, environments);
  const pictures = await drawNamedPictures(drawingFrom(environments, silent), 1);
  return namesKnown(
    model,
    environments.world.catalog.objects.map(({ name }) => name),
    pictures,
  );
}

describe("a model's names for a world's objects", () => {
  it("are all known where it was trained on that world, without a warning", async () => {
    const found = await named(BUNDLED, "rooms");
    expect(found.length).toBeGreaterThan(5);
    expect(found.every(({ ranking, isKnown }) => isKnown && ranking > 0.9)).toBe(true);
    expect(namingWarning(found, "rooms")).toBeNull();
  }, 60_000);

  it("are checked before a run begins, with a warning to the user", async () => {
    const out = path.join(temporaryFolder("naming"), "run");
    const { code, err } = await rls3("train", ...tiny(1), "--agent", "random", "--out", out);
    expect(code, err).toBe(0);
    expect(err.replace(/\s+/g, " ")).toContain("the model cannot tell");
    expect(err.indexOf("cannot tell")).toBeLessThan(err.indexOf("iteration 1/1"));
  }, 60_000);

  it.each([
    ["of another world", BUNDLED, "tabletop"],
    ["with random weights", TINY_MODEL, "rooms"],
  ])(
    "are unknown to a model %s, which is told with what to do",
    async (_, directory, world) => {
      const found = await named(directory, world);
      expect(found.filter(({ isKnown }) => isKnown).length).toBeLessThan(found.length / 2);
      const warning = namingWarning(found, world);
      expect(warning).toContain(`objects of the world ${world}`);
      expect(warning).toContain(`rls3 vlm pretrain --world ${world}`);
    },
    60_000,
  );
});
