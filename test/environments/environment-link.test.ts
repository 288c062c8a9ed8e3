import { describe, expect, it } from "vitest";
import type { VectorEnvironment } from "../../protocol/index.js";
import { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { World } from "../../trainer/environments/served-world.js";
import { ACTION_SPEC, loadCatalog } from "../../trainer/rooms/index.js";

const catalog = loadCatalog("rooms");
const world = new World(catalog, { action: ACTION_SPEC, catalog: {} });

/** A server that answers one step so, whatever is asked. */
function answering(scene: number, object: number, info: Readonly<Record<string, unknown>> = {}): EnvironmentLink {
  const objects = Int32Array.from([object, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const client = {
    batch: async () => ({
      results: [{ info }],
      tensors: { objects: { data: objects }, scene: { data: Int32Array.of(scene) } },
    }),
  } as unknown as VectorEnvironment;
  return new EnvironmentLink(client, world, 1, undefined);
}
const observe = (link: EnvironmentLink) => link.observe([{ env: 0, op: "noop" }]);

describe("what a server says", () => {
  it("is taken where its catalog has it", async () => {
    const [observed] = await observe(answering(0, 2, { valid: false, reason: 3 }));
    expect(observed).toMatchObject({ scene: 0, reason: 3, lost: false });
  });

  it.each([
    ["scene 99", () => answering(99, 2), `scene 99 of ${catalog.scenes.length}`],
    ["object 99", () => answering(0, 99), `object 99 of ${catalog.objects.length}`],
    ["reason 9", () => answering(0, 2, { valid: false, reason: 9 }), "reason 9, where rooms have 0 to 5"],
  ])("is refused by name where it has none: %s", async (_, link, what) => {
    await expect(observe(link())).rejects.toThrow(`the environment server gives ${what}`);
  });

  it("of a server that was restarted is not looked at", async () => {
    expect((await observe(answering(99, 99, { lost: true })))[0]?.lost).toBe(true);
  });
});
