import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { ACTION_NAMES, OBJECT_FIELDS, roomsDefinition } from "../../trainer/rooms/index.js";
import { WORLDS } from "./worlds.js";

const folder = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../../unity-project/Packages/com.rls3.gym/Catalog~/vectors",
);
const EPISODES = 12;
const STEPS = 30;

/** Episodes step by step that every server of the same catalog must reproduce; one line per reset or step. */
describe.each(WORLDS)("the vectors of $name", (catalog) => {
  it("are what the environment does", async () => {
    const random = Random.stream(1, "vectors", catalog.name);
    const environment = roomsDefinition(catalog).create(0);
    const objects = new Int32Array(catalog.rules.activeObjects * OBJECT_FIELDS);
    const state = (): string => {
      environment.observe("objects", objects);
      return `"objects": [${objects.join(", ")}], "state_hash": "${environment.stateHash?.()}"`;
    };
    const lines: string[] = [];
    for (let episode = 0; episode < EPISODES; episode++) {
      const seed = episode < 4 ? episode : random.seed();
      const scene = episode % 3 === 2 ? random.below(catalog.scenes.length) : null;
      const { seen } = environment.reset(seed, { scene });
      const sceneOption = scene === null ? "" : `"scene": ${scene}, `;
      lines.push(`{"reset": ${seed}, ${sceneOption}"seen": ${JSON.stringify(seen)}, ${state()}}`);
      for (let step = 0; step < STEPS; step++) {
        // Multiples of 1/256, so that every language reads the same float32.
        const action = ACTION_NAMES.map(() => (random.below(513) - 256) / 256);
        const { info } = environment.step(Float32Array.from(action));
        lines.push(`{"step": ${JSON.stringify(action)}, "info": ${JSON.stringify(info)}, ${state()}}`);
      }
    }
    const file = path.join(folder, `${catalog.name}.json`);
    await expect(`[\n${lines.join(",\n")}\n]\n`).toMatchFileSnapshot(file);
  });
});
