import { describe, expect, it } from "vitest";
import {
  type EnvironmentDefinition,
  EnvironmentServer,
  type StepOutcome,
  type TensorSpec,
  type Welcome,
} from "../../protocol/index.js";
import { connectToFree } from "../../trainer/environments/remote-servers.js";
import { trainingProblem, tryOut, worldOf } from "../../trainer/environments/requirements.js";
import { silent } from "../../trainer/progress.js";
import { ACTION_SPEC, loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { closing } from "../protocol/peer.js";

const catalog = loadCatalog("rooms");
const rooms = roomsDefinition(catalog);

type Changes = Readonly<Record<string, Partial<TensorSpec> | null>>;

/** The welcome of rooms, with some specs changed or (null) left out. */
function announced({ action = {}, ...changes }: Changes, more: Partial<Welcome> = {}): Welcome {
  const observations = rooms.observations.flatMap((spec) => {
    const change = changes[spec.uid];
    return change === null ? [] : [{ ...spec, ...change }];
  });
  const welcome = { name: "shop", observations, action: { ...ACTION_SPEC, ...action }, graphics: "software" };
  return { ...welcome, catalog: catalog.document, ...more } as unknown as Welcome;
}

describe("what a server announces", () => {
  it("is accepted where it matches what rooms announce, whatever else there is", () => {
    const more = { uid: "depth", dtype: "float32", shape: [9, 9] } as const;
    const welcome = announced({ state: null, action: { low: -2, high: 2 } });
    const world = worldOf({ ...welcome, observations: [...welcome.observations, more] }, 64, "server");
    expect(world.catalog.name).toBe("rooms");
  });

  const active = catalog.rules.activeObjects;
  it.each<[string, Changes, string]>([
    [
      "pictures of 10^5 by 10^5",
      { image: { shape: [1e5, 1e5, 3] } },
      "[64, 64, 3] (it gives uint8 [100000, 100000, 3])",
    ],
    ["pictures of another size", { image: { shape: [32, 32, 3] } }, "[64, 64, 3] (it gives uint8 [32, 32, 3])"],
    ["pictures in grey", { image: { shape: [64, 64] } }, "[64, 64, 3] (it gives uint8 [64, 64])"],
    ["pictures of floats", { image: { dtype: "float32" } }, "uint8 [64, 64, 3] (it gives float32 [64, 64, 3])"],
    ["no pictures", { image: null }, 'an observation "image" uint8 [64, 64, 3] (it gives none)'],
    ["a million objects", { objects: { shape: [1e6, 5] } }, `int32 [${active}, 5] (it gives int32 [1000000, 5])`],
    [
      "actions of 10^8 numbers",
      { action: { shape: [1e8] } },
      "actions float32 [6] from -1 to 1 (it takes float32 [100000000])",
    ],
    ["whole actions", { action: { dtype: "int32" } }, "actions float32 [6] from -1 to 1 (it takes int32 [6])"],
    ["fewer actions", { action: { high: [1, 1, 0.5, 1, 1, 1] } }, "(it takes none below -1 or above 0.5)"],
    ["two scenes at once", { scene: { shape: [2] } }, 'an observation "scene" int32 [1] (it gives int32 [2])'],
    ["no scenes", { scene: null }, 'an observation "scene" int32 [1] (it gives none)'],
  ])("is refused by name before anything is asked for: %s", (_, changes, what) => {
    const head = Object.keys(changes).includes("image") ? "cannot be trained on" : "is no RLS3 world";
    expect(() => worldOf(announced(changes), 64, "server")).toThrow(`the server "shop" ${head}. It needs `);
    expect(() => worldOf(announced(changes), 64, "server")).toThrow(what);
  });

  it("is refused with everything that it lacks, in one sentence", () => {
    const problem = trainingProblem(announced({ objects: null, scene: null }, { catalog: null }), 64, "server");
    expect(problem).toBe(
      'the server "shop" is no RLS3 world. It needs a catalog, as unity-project/Packages/com.rls3.gym/Catalog~/README.md describes it (it sends none); ' +
        'an observation "objects" int32 [active objects, 5] (it gives none); an observation "scene" int32 [1] (it gives none)',
    );
    expect(trainingProblem(announced({}, { catalog: { name: "shop" } }), 64, "server")).toMatch(
      /README\.md describes it \(its own: .* must have required property/,
    );
  });

  it("needs no pictures where they are drawn here", () => {
    const dark = announced({ image: null }, { graphics: null });
    expect(trainingProblem(dark, 64, "embedded")).toBeUndefined();
    expect(trainingProblem(dark, 64, "server")).toMatch(
      /^the server "shop" cannot be trained on\. .*\(it renders no images: .*--render embedded\)$/,
    );
  });
});

/** What these rooms, changed or not, fail: the names of the checks, with their messages. */
async function failed(definition: EnvironmentDefinition): Promise<Record<string, string>> {
  const server = closing(await EnvironmentServer.bind(definition, { endpoint: "tcp://127.0.0.1:*", envCount: 2 }));
  const found = { imageSize: 64, progress: silent };
  const client = closing(await connectToFree([{ endpoint: server.endpoint, keys: "" }], found));
  const trials = await tryOut(client, 64, "server");
  expect(trials.map(({ name }) => name)).toEqual(["reset", "step", "picture"]);
  return Object.fromEntries(trials.flatMap(({ name, problem }) => (problem === undefined ? [] : [[name, problem]])));
}

type Environment = ReturnType<EnvironmentDefinition["create"]>;

/** Rooms in which each environment does something differently. */
const changed = (change: (environment: Environment) => Partial<Environment>): EnvironmentDefinition => ({
  ...rooms,
  create: (index) => {
    const environment = rooms.create(index);
    const { reset, step, observe } = environment;
    const own = {
      reset: reset.bind(environment),
      step: step.bind(environment),
      observe: observe.bind(environment),
    };
    return Object.assign(environment, change(own));
  },
});

describe("what a server answers", () => {
  it("matches the answers of rooms", async () => {
    expect(await failed(rooms)).toEqual({});
  });

  const stepping =
    (turn: (outcome: StepOutcome) => StepOutcome) =>
    (environment: Environment): Partial<Environment> => ({ step: (action) => turn(environment.step(action)) });

  it.each<[string, (environment: Environment) => Partial<Environment>, Record<string, RegExp>]>([
    [
      "options that are not looked at",
      (one) => ({ reset: (seed) => one.reset(seed, {}) }),
      { reset: /^options\.scene \d \(\w+\) was asked for, and scene \d is shown$/ },
    ],
    [
      "seeds that are not looked at",
      (one) => ({ reset: (_, options) => one.reset(undefined, options) }),
      { reset: /^seed 1 in scene 0 \(\w+\) gave one layout, and later another$/ },
    ],
    [
      "one layout for all seeds",
      (one) => ({ reset: (_, options) => one.reset(5, options) }),
      { reset: /^seeds 1 and 2 gave the same layout in scene 0/, picture: /^two layouts give the same picture$/ },
    ],
    [
      "black pictures",
      (one) => ({ observe: (uid, out) => (uid === "image" ? out.fill(0) : one.observe(uid, out)) && undefined }),
      { picture: /^two layouts give the same picture$/ },
    ],
    [
      "steps without info",
      stepping((outcome) => ({ ...outcome, info: {} })),
      { step: /info\.valid nothing and info\.reason nothing/ },
    ],
    [
      "no valid step",
      stepping((outcome) => ({ ...outcome, info: { valid: false, reason: 1 } })),
      { step: /^a step that info calls invalid \(reason 1\) has changed the layout$/ },
    ],
    [
      "steps that go nowhere",
      () => ({ step: () => ({ reward: -1, terminated: false, truncated: false, info: { valid: false, reason: 1 } }) }),
      { step: /^of 20000 random placements not one is called valid$/ },
    ],
    [
      "episodes that end",
      stepping((outcome) => ({ ...outcome, truncated: true })),
      { step: /ends an episode by itself/ },
    ],
    [
      "a failure inside",
      () => ({
        step: () => {
          throw new Error("no floor");
        },
      }),
      { step: /environment \d failed: ENV_CRASH: .*no floor/ },
    ],
  ])("is told by what is wrong: %s", async (_, change, problems) => {
    const found = await failed(changed(change));
    expect(Object.keys(found)).toEqual(Object.keys(problems));
    for (const [name, problem] of Object.entries(problems)) expect(found[name]).toMatch(problem);
  });
});
