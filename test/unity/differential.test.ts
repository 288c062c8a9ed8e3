/**
 * @file The rules in C# and in TypeScript give the same states, reasons and hashes for 20,000 seeds with random
 * actions.
 */
import { beforeAll, expect, it } from "vitest";
import {
  createTensor,
  elementCount,
  type Op,
  spawnServer,
  type TensorData,
  type TensorSpec,
} from "../../protocol/index.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { BUILD_TIMEOUT, describeHost, hostCommand } from "./host.js";

const ENVIRONMENTS = 50;
const STEPS = 6;
const WANT = ["state", "objects", "scene"];

const EVERY_REASON = ["bounds", "furniture", "hidden", "none", "object", "unsupported"];

/** One environment of the trainer's own, with a tensor for each observation. */
function embedded(world: string) {
  const definition = roomsDefinition(loadCatalog(world));
  const specs = definition.observations.filter(({ uid }) => WANT.includes(uid));
  const environment = definition.create(0);
  const observe = (spec: TensorSpec): TensorData => {
    const out = createTensor(spec.dtype, elementCount(spec.shape));
    environment.observe(spec.uid, out);
    return out;
  };
  return { environment, observe, specs, scenes: definition.observations.find(({ uid }) => uid === "scene")?.high };
}

/** welcome's description of a world, without the parts that need a renderer. */
function announced(world: string) {
  const { name, action, observations, parameters, catalog } = roomsDefinition(loadCatalog(world));
  return { name, action, observations: observations.filter((spec) => spec.graphics !== true), parameters, catalog };
}

/** Six elements; one in eight is exactly at a bound, where rounding would show. */
function drawAction(random: Random): Float32Array {
  return Float32Array.from({ length: 6 }, () =>
    random.below(8) === 0 ? 2 * random.below(2) - 1 : random.uniform(-1, 1),
  );
}

async function compare(world: string, seeds: number): Promise<Map<string, number>> {
  const { command, args } = hostCommand();
  const local = Array.from({ length: ENVIRONMENTS }, () => embedded(world));
  await using host = await spawnServer({
    command,
    args: [...args, "--envs", String(ENVIRONMENTS), "--world", world],
  });
  expect(host.welcome).toMatchObject(announced(world));
  const random = Random.stream(20_000, "differential", world);
  const reasons = new Map<string, number>();
  for (let first = 0; first < seeds; first += ENVIRONMENTS) {
    for (let step = 0; step <= STEPS; step++) {
      const ops: Op[] = local.map(({ scenes }, env) => {
        if (step > 0) return { env, op: "step", action: drawAction(random) };
        const options = random.below(4) === 0 ? { scene: random.below(Number(scenes) + 1) } : {};
        return { env, op: "reset", seed: random.below(2) === 0 ? first + env : random.seed(), options };
      });
      const answer = await host.batch(ops, WANT);
      for (const [env, op] of ops.entries()) {
        const { environment, observe, specs } = local[env] as (typeof local)[number];
        const result = answer.results[env];
        if (op.op === "reset") {
          expect(result?.info).toEqual(environment.reset(op.seed, op.options ?? {}));
        } else if (op.op === "step") {
          const outcome = environment.step(op.action as Float32Array);
          expect(result).toMatchObject({ ...outcome });
          const reason = String(outcome.info["reasonName"]);
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
        expect(result?.stateHash).toBe(environment.stateHash?.());
        for (const spec of specs) {
          const tensor = answer.tensors[spec.uid];
          const size = elementCount(spec.shape);
          const row = tensor?.data.subarray(env * size, (env + 1) * size) ?? [];
          // As bytes, so that the last bit or a negative zero shows.
          expect(Buffer.compare(bytes(row as TensorData), bytes(observe(spec)))).toBe(0);
        }
      }
    }
  }
  return reasons;
}

const bytes = (data: TensorData): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describeHost("the .NET host and the embedded environment", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);

  it("agree on 20,000 seeds of the default world, for every reason there is", { timeout: 300_000 }, async () => {
    const reasons = await compare("rooms", 20_000);
    expect([...reasons.keys()].sort()).toEqual(EVERY_REASON);
  });

  it("agree on a world with yaw, another camera and other objects", { timeout: 300_000 }, async () => {
    const reasons = await compare("tabletop", 2000);
    expect([...reasons.keys()].sort()).toEqual(EVERY_REASON);
  });
});
