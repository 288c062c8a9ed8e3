import { describe, expect, it } from "vitest";
import type { VectorEnvironment } from "../../protocol/index.js";
import { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { World } from "../../trainer/environments/served-world.js";
import { uniformActions, wander } from "../../trainer/environments/wander.js";
import { Random } from "../../trainer/random/random.js";
import { ACTION_SPEC, loadCatalog } from "../../trainer/rooms/index.js";

const catalog = loadCatalog("rooms");
const world = new World(catalog, { action: ACTION_SPEC, catalog: {} });

/** A server with one fixed answer to every step. */
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
/** A server that fails every operation with this error. */
function failing(error: { readonly code: string; readonly message: string }): EnvironmentLink {
  const tensors = {
    objects: { data: new Int32Array(10) },
    scene: { data: Int32Array.of(0) },
    image: { data: new Uint8Array(12) },
  };
  const client = { batch: async () => ({ results: [{ info: {}, error }], tensors }) } as unknown as VectorEnvironment;
  return new EnvironmentLink(client, world, 1, undefined);
}
const observe = (link: EnvironmentLink) => link.observe([{ env: 0, op: "step", action: [] }]);

describe("a server's answer", () => {
  it("is accepted where its catalog has it", async () => {
    const [observed] = await observe(answering(0, 2, { valid: false, reason: 3 }));
    expect(observed).toMatchObject({ scene: 0, reason: 3, lost: false });
  });

  it.each([
    ["scene 99", () => answering(99, 2, { valid: true }), `scene 99 of ${catalog.scenes.length}`],
    ["object 99", () => answering(0, 99, { valid: true }), `object 99 of ${catalog.objects.length}`],
    ["reason 9", () => answering(0, 2, { valid: false, reason: 9 }), "reason 9, where rooms have 0 to 5"],
    ["reason -1", () => answering(0, 2, { valid: false, reason: -1 }), "reason -1, where rooms have 0 to 5"],
    ["reason 1.5", () => answering(0, 2, { valid: false, reason: 1.5 }), "reason 1.5, where rooms have 0 to 5"],
  ])("is refused by name where it has none: %s", async (_, link, what) => {
    await expect(observe(link())).rejects.toThrow(`the environment server gives ${what}`);
  });

  it("is ignored after the server was restarted", async () => {
    expect((await observe(answering(99, 99, { lost: true })))[0]?.lost).toBe(true);
  });

  it("about an environment without a reset means that it was lost: another operation under way was told; no picture of it is black", async () => {
    const notReset = { code: "NOT_RESET", message: "it has not been reset yet" };
    const link = failing(notReset);
    expect(await observe(link)).toMatchObject([{ lost: true }]);
    expect(await link.images([0])).toEqual([null]);
    const reset = link.observe([{ env: 0, op: "reset", seed: 1 }]);
    await expect(reset).rejects.toThrow("environment 0 failed: NOT_RESET: it has not been reset yet");
    const crashed = failing({ code: "ENV_CRASH", message: "no floor" });
    await expect(observe(crashed)).rejects.toThrow("environment 0 failed: ENV_CRASH: no floor");
    await expect(crashed.images([0])).rejects.toThrow("environment 0 failed: ENV_CRASH: no floor");
  });

  it.each([
    [{}, "info.valid nothing and info.reason nothing"],
    [{ valid: "no" }, 'info.valid "no" and info.reason nothing'],
    [{ valid: false }, "info.valid false and info.reason nothing"],
    [{ valid: false, reason: 0 }, "info.valid false and info.reason 0"],
    [{ valid: false, reason: Number.NaN }, "reason NaN, where rooms have 0 to 5"],
  ])("of a step is whether it is valid, and why not: %j is refused", async (info, message) => {
    await expect(observe(answering(0, 2, info))).rejects.toThrow(message);
  });

  it.each(["terminated", "truncated"])("is not that an episode ends by itself: %s", async (end) => {
    const client = {
      batch: async () => ({
        results: [{ env: 3, step: 7, info: { valid: true }, [end]: true }],
        tensors: { objects: { data: new Int32Array(10) }, scene: { data: Int32Array.of(0) } },
      }),
    } as unknown as VectorEnvironment;
    await expect(observe(new EnvironmentLink(client, world, 1, undefined))).rejects.toThrow(
      "ends an episode by itself (environment 3, step 7)",
    );
  });

  it("is not accepted if episodes are lost forever", async () => {
    const link = answering(0, 2, { lost: true });
    const untilRefused = async (): Promise<number> => {
      for (let batches = 0; ; batches++) {
        const refused = await observe(link).then(() => null, String);
        if (refused === null) continue;
        expect(refused).toContain("has lost its episodes 100 times in a row (info.lost)");
        return batches;
      }
    };
    expect(await untilRefused()).toBe(100);
  });

  it("is not accepted if no placement is ever valid", async () => {
    const drawing = { environments: answering(0, 2, { valid: false, reason: 3 }), count: 1, scenes: [0] };
    let steps = 0;
    const drawn = wander(drawing, Random.stream(1, "test"), uniformActions, async () => ++steps > 0);
    await expect(drawn).rejects.toThrow("calls 20000 placements in a row invalid");
    expect(steps).toBe(20_000);
  });
});
