/** @file SAC's updates against CleanRL's and Stable-Baselines3's, with both learners: every recorded quantity, gradient and parameter. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { Random } from "../../trainer/random/random.js";
import { type Layer, twins } from "../../trainer/sac/layout.js";
import { LEARNERS, type LearnerKind } from "../../trainer/sac/learner.js";
import { actorLayers, criticLayers, initialVariables, type SacModel } from "../../trainer/sac/models.js";
import { openLearner } from "../../trainer/sac/open-learner.js";
import type { Tensor, Tensors } from "../../trainer/tensor.js";
import type { GoldenCheck, GoldenResult } from "./check.js";
import { type GoldenTensor, goldenTensor, readGoldenTensors } from "./safetensors.js";

const TOLERANCE = { value: 1e-4, gradient: 1e-5, parameter: 2e-6 } as const;

interface Meta {
  readonly convention: string;
  readonly weighted_critic: boolean;
  readonly obs: number;
  readonly act: number;
  readonly hidden: readonly number[];
  readonly batch: number;
  readonly updates: number;
  readonly gamma: number;
  readonly tau: number;
  readonly lr?: number;
  readonly policy_lr?: number;
  readonly q_lr?: number;
  readonly alpha_lr?: number;
  readonly policy_frequency?: number;
  readonly target_entropy: number;
  readonly action_scale?: readonly number[];
  readonly action_bias?: readonly number[];
  readonly scalars: readonly {
    readonly global_step?: number;
    readonly alpha_in: number;
    readonly alpha_out?: number;
    readonly q_loss?: number;
    readonly critic_loss?: number;
    readonly alpha_loss?: number;
    readonly actor_loss?: number;
    readonly actor?: readonly {
      readonly actor_loss: number;
      readonly alpha_loss: number;
      readonly alpha_out: number;
    }[];
  }[];
}

type Golden = ReadonlyMap<string, GoldenTensor>;

function modelOf(meta: Meta): SacModel {
  const cleanrl = meta.convention.startsWith("CleanRL");
  const rate = (own: number | undefined): number => own ?? meta.lr ?? Number.NaN;
  return {
    kind: "sac",
    convention: cleanrl ? "cleanrl" : "sb3",
    observation: meta.obs,
    action: meta.act,
    hidden: meta.hidden,
    batch: meta.batch,
    rows: [meta.batch],
    gamma: meta.gamma,
    tau: meta.tau,
    targetEntropy: meta.target_entropy,
    learningRates: { actor: rate(meta.policy_lr), critic: rate(meta.q_lr), temperature: rate(meta.alpha_lr) },
    policyFrequency: meta.policy_frequency ?? 1,
    actionScale: meta.action_scale ?? Array.from({ length: meta.act }, () => 1),
    actionBias: meta.action_bias ?? Array.from({ length: meta.act }, () => 0),
    criticLoss: "squared",
    trace: true,
  };
}

/** torch's names of a network's layers: one for the actor's last layer's mean, one for its log std. */
const NAMES = {
  cleanrl: {
    actor: ["actor.fc1", "actor.fc2", ["actor.fc_mean", "actor.fc_logstd"]],
    critics: (target: boolean) =>
      ["q1", "q2"].map((q) => [1, 2, 3].map((fc) => `${q}${target ? "_target" : ""}.fc${fc}`)),
  },
  sb3: {
    actor: ["actor.latent_pi.0", "actor.latent_pi.2", ["actor.mu", "actor.log_std"]],
    critics: (target: boolean) =>
      ["qf0", "qf1"].map((q) => [0, 2, 4].map((layer) => `critic${target ? "_target" : ""}.${q}.${layer}`)),
  },
} as const;

/** Our flat vector out of torch's tensors: weights there are [outputs, inputs]. */
function flat(golden: Golden, layers: readonly Layer[], names: readonly (string | readonly string[])[]): number[] {
  return layers.flatMap(({ inputs }, i) => {
    const parts = [names[i] ?? []].flat();
    const weights = parts.map((name) => goldenTensor(golden, `${name}.weight`));
    const columns = weights.map(({ shape }) => shape[0] ?? 0);
    const rows = Array.from({ length: inputs }, (_, input) =>
      weights.flatMap(({ data }, part) =>
        Array.from({ length: columns[part] ?? 0 }, (__, output) => data[output * inputs + input] ?? Number.NaN),
      ),
    );
    return [...rows.flat(), ...parts.flatMap((name) => [...goldenTensor(golden, `${name}.bias`).data])];
  });
}

function networks(model: SacModel, golden: Golden, names: readonly string[]): Record<string, number[]> {
  const { actor, critics } = NAMES[model.convention];
  const both = (target: boolean) => {
    const [first, second] = critics(target).map((own) => Float32Array.from(flat(golden, criticLayers(model), own)));
    if (first === undefined || second === undefined) throw new Error("the golden run has two critics");
    return [...twins([first, second], criticLayers(model))];
  };
  const all: Record<string, () => number[]> = {
    actor: () => flat(golden, actorLayers(model), actor),
    critics: () => both(false),
    targets: () => both(true),
    temperature: () => [...goldenTensor(golden, "log_alpha").data],
  };
  return Object.fromEntries(names.map((name) => [name, all[name]?.() ?? []]));
}

const tensor = (data: ArrayLike<number>, dims: readonly number[] = [data.length]): Tensor => ({
  type: "float32",
  dims,
  data: Float32Array.from(data),
});

/** One update's rows of a tensor of all updates. */
function row({ data, shape }: GoldenTensor, update: number): Tensor {
  const size = data.length / (shape[0] ?? 1);
  return tensor(data.subarray(update * size, (update + 1) * size), shape.slice(1));
}

function feeds(model: SacModel, meta: Meta, batches: Golden, steps: Golden, update: number): [string, Tensors] {
  const batch = (name: string): Tensor => row(goldenTensor(batches, name), update);
  const noise = (name: string): GoldenTensor => goldenTensor(steps, `${update + 1}.${name}`);
  const withActor = (meta.scalars[update]?.actor ?? []).length > 0;
  const inner = (name: string): Tensor => {
    const all = Array.from({ length: model.policyFrequency }, (_, i) => [...noise(`${name}.${i}`).data]);
    return tensor(all.flat(), [model.policyFrequency, model.batch, model.action]);
  };
  const common: Tensors = {
    observations: batch("obs"),
    next_observations: batch("next_obs"),
    actions: batch("actions"),
    rewards: batch("rewards"),
    terminated: batch("dones"),
    weights: meta.weighted_critic ? batch("weights") : tensor(new Float32Array(model.batch).fill(1)),
    noise_next: tensor(noise("noise_next").data, [model.batch, model.action]),
  };
  if (model.convention === "sb3") {
    const noisePolicy = tensor(noise("noise_pi").data, [model.batch, model.action]);
    return ["update", { ...common, noise_policy: noisePolicy }];
  }
  if (!withActor) return ["update", common];
  return ["update_actor", { ...common, noise_policy: inner("noise_pi"), noise_temperature: inner("noise_alpha") }];
}

/** The losses and temperatures that meta.json lists for an update, under our names. */
function scalars(entry: Meta["scalars"][number]): Record<string, number | undefined> {
  return {
    critic_loss: entry.q_loss ?? entry.critic_loss,
    temperature_loss: entry.alpha_loss,
    actor_loss: entry.actor_loss,
    alpha: entry.actor === undefined ? entry.alpha_out : undefined,
    ...Object.fromEntries(
      (entry.actor ?? []).flatMap(({ actor_loss, alpha_loss, alpha_out }, i) => [
        [`actor_loss.${i}`, actor_loss],
        [`temperature_loss.${i}`, alpha_loss],
        [`alpha.${i}`, alpha_out],
      ]),
    ),
  };
}

async function checkRun(directory: string, learnerKind: LearnerKind): Promise<GoldenResult> {
  const meta = JSON.parse(await readFile(path.join(directory, "meta.json"), "utf8")) as Meta;
  const read = (name: string): Promise<Golden> => readGoldenTensors(path.join(directory, `${name}.safetensors`));
  const [batches, steps, gradients] = [await read("batches"), await read("steps"), await read("gradients_1")];
  const model = modelOf(meta);
  const failures: string[] = [];
  let compared = 0;
  const where = `${path.basename(directory)}, ${learnerKind}`;
  const compare = (
    what: string,
    actual: ArrayLike<number> | undefined,
    expected: ArrayLike<number>,
    tolerance: number,
  ) => {
    for (let i = 0; i < expected.length; i++) {
      compared++;
      const [a = Number.NaN, b = Number.NaN] = [actual?.[i], expected[i]];
      if (!(Math.abs(a - b) <= tolerance)) failures.push(`${where}: ${what}[${i}] ${a}, expected ${b}`);
    }
    if (actual?.length !== expected.length) failures.push(`${where}: ${what} has ${actual?.length} elements`);
  };
  const all = ["actor", "critics", "targets", "temperature"];
  const learner = await openLearner(model, { learner: learnerKind, device: "cpu", threads: 1 });
  try {
    const start = networks(model, await read("parameters_0"), all);
    await learner.set({
      ...initialVariables(model, new Random(0)),
      ...Object.fromEntries(Object.entries(start).map(([name, data]) => [name, tensor(data)])),
    });
    for (let update = 0; update < meta.updates; update++) {
      const [name, inputs] = feeds(model, meta, batches, steps, update);
      const outputs = await learner.call(name, inputs);
      const prefix = `${update + 1}.`;
      for (const [full, { data }] of steps) {
        const own = full.slice(prefix.length);
        if (!full.startsWith(prefix) || own.startsWith("noise_")) continue;
        compare(full, outputs[own === "td_mean" ? "errors" : own]?.data as Float32Array, data, TOLERANCE.value);
      }
      for (const [own, expected] of Object.entries(scalars(meta.scalars[update] ?? { alpha_in: Number.NaN }))) {
        if (expected !== undefined) {
          compare(`${prefix}${own}`, outputs[own]?.data as Float32Array, [expected], TOLERANCE.value);
        }
      }
      if (update === 0) {
        const found = networks(model, gradients, ["actor", "critics", "temperature"]);
        for (const [own, expected] of Object.entries(found)) {
          compare(`gradient.${own}`, outputs[`gradient.${own}`]?.data as Float32Array, expected, TOLERANCE.gradient);
        }
      }
      if (update === 0 || update + 1 === meta.updates) {
        const variables = await learner.get();
        for (const [own, expected] of Object.entries(networks(model, await read(`parameters_${update + 1}`), all))) {
          compare(
            `parameters ${update + 1} ${own}`,
            variables[own]?.data as Float32Array,
            expected,
            TOLERANCE.parameter,
          );
        }
      }
    }
  } finally {
    await learner.close();
  }
  return { compared, failures };
}

export const check: GoldenCheck = async (directory) => {
  const runs = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const results: GoldenResult[] = [];
  for (const { name } of runs) {
    for (const learner of LEARNERS) results.push(await checkRun(path.join(directory, name), learner));
  }
  return {
    compared: results.reduce((sum, { compared }) => sum + compared, 0),
    failures: results.flatMap(({ failures }) => failures),
  };
};
