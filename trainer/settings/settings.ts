/**
 * @file Every setting of a run in one table: type, limits, default and meaning. Flags, files, help and sweeps are made
 * from it.
 */
import { z } from "zod";
import { ANSWER_PLACES, PROMPT_PLACES, placesIn } from "../language/index.js";
import { REPLAY_KINDS } from "../replay/replay.js";
import { ARMS, type Arm } from "./arms.js";
import { SCORES_FROM, SIGNAL_NAMES } from "./signal-names.js";

export interface Setting<T = unknown> {
  readonly schema: z.ZodType<T>;
  readonly fallback: T;
  readonly group: SettingGroup;
  readonly description: string;
  /** The paper's symbol; also accepted as a flag and as a key. */
  readonly symbol?: string;
  readonly choices?: readonly string[];
}

export type SettingGroup = "Algorithm" | "Agent" | "Fine-tuning" | "Environment" | "Evaluation" | "Machine";

const number = (low: number, high = Number.MAX_VALUE) => z.number().min(low).max(high);
/** Limit for factors: what they multiply is stored in 32-bit numbers and squared there. */
const LARGEST_FACTOR = 1e6;
const integer = (low: number, high = 2 ** 31 - 1) => z.number().int().min(low).max(high);

function setting<T>(
  group: SettingGroup,
  schema: z.ZodType<T>,
  fallback: T,
  description: string,
  symbol?: string,
): Setting<T> {
  const choices = schema instanceof z.ZodEnum ? schema.options.map(String) : undefined;
  return {
    schema,
    fallback,
    group,
    description,
    ...(symbol === undefined ? {} : { symbol }),
    ...(choices === undefined ? {} : { choices }),
  };
}

/** "module=number" entries separated by spaces, in the form that `patternEntries` parses. */
const pattern = (value: z.ZodType<number>) =>
  z
    .string()
    .refine(
      (text) => Object.values(patternEntries(text)).every((number) => value.safeParse(number).success),
      "entries module=number with spaces between",
    );

/** "fc1=8 text_model.*=4" → {"fc1": 8, "text_model.*": 4}; NaN where the value is no number. */
export const patternEntries = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split(/\s+/)
      .filter((entry) => entry !== "")
      .map((entry): [string, number] => {
        const end = entry.lastIndexOf("=");
        return end < 1 ? [entry, Number.NaN] : [entry.slice(0, end), Number(entry.slice(end + 1) || Number.NaN)];
      }),
  );

const inBraces = (names: readonly string[]): string => names.map((name) => `{${name}}`).join(", ");

/**
 * A text with placeholders in braces. All of them must be known, and the needed ones present. Empty: the model's own
 * template.
 */
const template = (known: readonly string[], needed: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const places = placesIn(text);
    const unknown = places.filter((name) => !known.includes(name));
    if (unknown.length > 0) {
      context.addIssue(`a text without ${inBraces(unknown)}: what it may name is ${inBraces(known)}`);
    } else if (text !== "" && needed.some((name) => !places.includes(name))) {
      context.addIssue(`a text with ${inBraces(needed)} in it`);
    }
  });

/** Every setting by name: its schema, default, description and symbol in the paper. */
export const SETTINGS = {
  extrinsicWeight: setting(
    "Algorithm",
    number(0, LARGEST_FACTOR),
    8,
    "β: weight of the model's difficulty in the reward (10 · T₀/200 with the paper's agent)",
    "beta",
  ),
  episodesPerIteration: setting(
    "Algorithm",
    integer(1, 4096),
    16,
    "E: episodes per iteration, on as many environments at once",
    "E",
  ),
  samplingRate: setting(
    "Algorithm",
    z.number().gt(0).max(1),
    0.5,
    "η: share of an iteration's samples to fine-tune on",
    "eta",
  ),
  samplesPerEpisode: setting("Algorithm", integer(1, 100_000), 40, "T₀: valid samples per episode", "T0"),
  iterations: setting("Algorithm", integer(1, 10_000), 14, "iterations at most"),
  validSamples: setting(
    "Algorithm",
    integer(0, 1_000_000_000),
    0,
    "instead of --iterations: end after the iteration that reaches this many valid samples (0: iterations decide)",
  ),
  reward: setting(
    "Algorithm",
    z.enum(["sample", "episode", "plugin"]),
    "sample",
    "difficulty rewarded at each valid sample, or once on the episode's last transition as in the paper (default of its agent); or at each sample what the reward of --plugin pays",
  ),
  signal: setting(
    "Algorithm",
    z.enum(SIGNAL_NAMES),
    "difficulty",
    "what a sample pays, given the probability p of the right answer: difficulty (the paper's), learnability 4·p·(1 − p), root-learnability √p·(1 − p), hard-learnability p·(1 − p)², progress (p after fine-tuning minus p before), or constant (the same for all; with --rare-terms a control that balances relations without asking the model)",
  ),
  scoreFrom: setting(
    "Algorithm",
    z.enum(SCORES_FROM),
    "flips",
    "how p is computed for a model that answers: the right answer's probability among it and its flips, the likelihood of the right answer alone, or the rubric of what it says (one that ranks: flips)",
  ),
  paidMargin: setting(
    "Algorithm",
    number(0, 22.5),
    0,
    "samples within this many degrees of a boundary between relations pay nothing: the picture itself is ambiguous there",
  ),
  rareTerms: setting(
    "Algorithm",
    number(0, 1),
    0,
    "samples with relations that are rare in the iteration pay more: by (mean count / count) to this power (0: all the same, 1: in inverse proportion)",
  ),
  hardnessMean: setting(
    "Algorithm",
    z.number().gt(0).max(10),
    0.3,
    "per-sample hardness is scaled to this mean in each iteration",
  ),
  hardnessCap: setting("Algorithm", z.number().gt(0).max(LARGEST_FACTOR), 4, "cap of the scaled per-sample hardness"),
  stepLimit: setting("Algorithm", number(1, 1000), 6, "steps an episode may take, in multiples of T₀"),
  scenesPerEpisode: setting(
    "Algorithm",
    integer(1, 1000),
    5,
    "scenes per episode: a new one after each T₀ / this valid samples",
  ),
  earlyStopping: setting("Algorithm", z.boolean(), true, "stop on a validation plateau"),
  patience: setting(
    "Algorithm",
    integer(1, 1000),
    4,
    "iterations without a better validation accuracy that make a plateau",
  ),

  agent: setting("Agent", z.enum(ARMS), "rls3", "what chooses the placements; plugin: the agent of --plugin"),
  pretraining: setting(
    "Agent",
    z.enum(["offline", "online"]),
    "offline",
    "feasibility pre-training: from random transitions, or by acting (online, the default of the paper's agent; not for rls3)",
  ),
  feasibilitySteps: setting(
    "Agent",
    integer(0, 10_000_000),
    80_000,
    "steps of feasibility pre-training (no image, no model): random ones, or online the agent's",
  ),
  feasibilityUpdates: setting(
    "Agent",
    integer(0, 10_000_000),
    5000,
    "updates of feasibility pre-training (100,000 with the paper's agent, one a step)",
  ),
  targetEntropy: setting("Agent", number(-100, 100), -2, "target entropy of the paper's agent's policy, in nats"),
  updatesPerIteration: setting(
    "Agent",
    integer(0, 1_000_000),
    500,
    "updates of the agent per iteration, where it learns after its episodes",
  ),
  agentLearns: setting(
    "Agent",
    z.enum(["after", "during"]),
    "after",
    "in an iteration: after its episodes have been rewarded, or during them, an update a step (the paper's agent with its reward for the episode)",
  ),
  proposals: setting("Agent", integer(2, 4096), 64, "K: placements proposed for each action of the default agent"),
  klBudget: setting(
    "Agent",
    z.number().gt(0).max(20),
    1.6,
    "KL budget of the default agent: nats that its choice may be from uniform",
  ),
  validityTarget: setting(
    "Agent",
    z.number().min(0).lt(1),
    0,
    "target share of valid placements; the KL budget is adjusted to it in each iteration (0: a fixed budget)",
  ),
  heads: setting(
    "Agent",
    z.enum(["two", "one"]),
    "two",
    "value heads of the default agent: validity and hardness apart, or one on the whole reward",
  ),
  view: setting(
    "Agent",
    z.enum(["flat", "objects"]),
    "flat",
    "what the paper's agent sees: the flat observation and action, or the placement decoded, with sizes and gaps (its default)",
  ),
  features: setting(
    "Agent",
    z.enum(["placement", "relations"]),
    "placement",
    "what the default agent's heads see: the decoded placement, or also where it would come to rest and its relations from there",
  ),
  discount: setting("Agent", number(0, 1), 0, "γ (.99 with the paper's agent)", "gamma"),
  replay: setting("Agent", z.enum(REPLAY_KINDS), "prioritized", "how replay is sampled"),
  replayCapacity: setting("Agent", integer(1, 100_000_000), 200_000, "the most transitions to store"),

  fineTuning: setting("Fine-tuning", z.enum(["lora", "full"]), "lora", "which weights of the model are trained"),
  negatives: setting(
    "Fine-tuning",
    z.enum(["all", "full", "one", "none"]),
    "all",
    "wrong captions that a right one competes with: its full flip and all its term flips, the full flip only, one random term flip, or only the batch's other captions",
  ),
  objective: setting(
    "Fine-tuning",
    z.enum(["answer", "ranking", "both"]),
    "answer",
    "what a model that answers learns: the right answer's tokens, to rank it above the wrong ones, or both (one that ranks captions learns to rank)",
  ),
  prompt: setting(
    "Fine-tuning",
    template(PROMPT_PLACES, PROMPT_PLACES),
    "",
    'prompt about a pair for a model that answers, with {a} and {b} (default: its family\'s own, such as "answer en where is the {a} relative to the {b}?")',
  ),
  answer: setting(
    "Fine-tuning",
    template(ANSWER_PLACES, ["relation"]),
    "",
    'text that states a pair\'s relation, with {relation}, and {a} and {b} to name the objects (default: "{relation}" for a model that answers, else "The {a} is {relation} the {b}.")',
  ),
  loraRank: setting("Fine-tuning", integer(1, 1024), 16, "rank of the adapter"),
  loraAlpha: setting(
    "Fine-tuning",
    z.number().gt(0).max(LARGEST_FACTOR),
    32,
    "alpha of the adapter; its scale is alpha / rank",
  ),
  loraTargets: setting(
    "Fine-tuning",
    z.string(),
    "",
    "layers it changes: names with commas (q_proj,v_proj), a regular expression for whole module paths, or all-linear (empty: the architecture's own choice)",
  ),
  loraDropout: setting(
    "Fine-tuning",
    z.number().min(0).lt(1),
    0,
    "dropout: share of a layer's inputs that the adapter does not see in a step",
  ),
  loraRankStabilized: setting(
    "Fine-tuning",
    z.boolean(),
    false,
    "scale alpha / √rank instead of alpha / rank (rsLoRA)",
  ),
  loraRankPattern: setting(
    "Fine-tuning",
    pattern(z.int().positive()),
    "",
    'other ranks by module, "fc1=8 text_model.*=4": the end of a path or a regular expression for it; the first that fits counts',
  ),
  loraAlphaPattern: setting(
    "Fine-tuning",
    pattern(z.number().positive().max(LARGEST_FACTOR)),
    "",
    "other alphas by module, in the same form",
  ),
  learningRate: setting("Fine-tuning", z.number().gt(0).max(1), 2e-3, "AdamW's rate (2.5e-4 suits full fine-tuning)"),
  weightDecay: setting("Fine-tuning", number(0, 1), 0.01, "AdamW's decay"),
  gradientClip: setting("Fine-tuning", z.number().gt(0), 1, "global norm that gradients are clipped to"),
  warmupSteps: setting("Fine-tuning", integer(0), 30, "steps of linear warm-up"),
  epochs: setting("Fine-tuning", integer(1, 1000), 3, "passes over an iteration's samples"),
  batchSize: setting("Fine-tuning", integer(1, 65_536), 48, "images per step"),
  accumulation: setting(
    "Fine-tuning",
    integer(1, 65_536),
    1,
    "number of parts in which a step's images go through the model: the same step in less memory",
  ),

  env: setting(
    "Environment",
    z.string().min(1),
    "embedded",
    'embedded, dotnet, editor[:PORT], the path of a player, or tcp://HOST:PORT (several in quotes, "tcp://A:1 tcp://B:1": the first free one)',
  ),
  keys: setting(
    "Environment",
    z.string(),
    "",
    "keys file (CURVE keys and token) for the servers at --env tcp://HOST:PORT, or one for each; needed beyond loopback",
  ),
  world: setting(
    "Environment",
    z.string().min(1),
    "rooms",
    "catalog of the embedded environment: a name or a JSON file",
  ),
  scenes: setting(
    "Environment",
    z.string(),
    "",
    'scenes that episodes are played in, with commas, "bedroom,living room" (empty: all of the world)',
  ),
  render: setting(
    "Environment",
    z.enum(["server", "embedded"]),
    "server",
    "who draws the images: the server, or the embedded renderer from the server's states",
  ),
  testScenes: setting(
    "Evaluation",
    z.string(),
    "",
    "scenes of the test set and the natural mix (empty: all); those that no run trains in are held out",
  ),
  testImagesPerRelation: setting("Evaluation", integer(1, 10_000), 60, "test images for each relation code"),
  naturalImages: setting("Evaluation", integer(0, 100_000), 500, "images of the natural mix, with all their pairs"),
  validationImagesPerRelation: setting(
    "Evaluation",
    integer(1, 10_000),
    12,
    "validation images for each relation code",
  ),
  testSeed: setting("Evaluation", integer(0), 1, "seed of test, natural and validation sets"),

  vlm: setting(
    "Machine",
    z.string().min(1),
    "bundled",
    "directory of the vision-language model, or one that ships: bundled, bundled-paligemma",
  ),
  device: setting(
    "Machine",
    z.string().regex(/^(auto|cpu|webgpu|cuda(:\d+)?)$/, "auto, cpu, webgpu, cuda or cuda:N"),
    "auto",
    "auto, cpu, webgpu, cuda[:N]",
  ),
  learner: setting("Machine", z.enum(["onnx", "tfjs"]), "onnx", "engine of the agent's updates"),
  threads: setting("Machine", integer(1, 1024), 1, "threads of each engine"),
  checkpointsKept: setting("Machine", integer(1, 1000), 2, "number of newest checkpoints to keep"),
  seed: setting(
    "Machine",
    z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1),
    0,
    "seed of everything random in the run",
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;

/** All settings of one run, resolved. */
export type Configuration = { readonly [K in SettingName]: z.infer<(typeof SETTINGS)[K]["schema"]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** Paper symbols and other aliases → setting. */
export const SYMBOLS: Readonly<Record<string, SettingName>> = Object.fromEntries(
  SETTING_NAMES.flatMap((name) => {
    const { symbol } = SETTINGS[name] as Setting;
    return symbol === undefined ? [] : [[symbol, name]];
  }),
);

/** The setting's flag: `--kl-budget`, or the paper's symbol where there is one: `--beta`. */
export const flagOf = (name: SettingName): string => {
  const { symbol } = SETTINGS[name] as Setting;
  return `--${symbol ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
};

type Layer = Partial<Configuration>;

/** What an arm changes in the defaults. */
export const ARM_DEFAULTS: Readonly<Record<Arm, Layer>> = {
  rls3: {},
  paper: {
    reward: "episode",
    discount: 0.99,
    view: "objects",
    pretraining: "online",
    feasibilitySteps: 100_000,
    feasibilityUpdates: 100_000,
  },
  random: { feasibilitySteps: 0, feasibilityUpdates: 0, updatesPerIteration: 0 },
  plugin: {},
};

export const PRESETS: Readonly<Record<string, Layer>> = {
  /**
   * The paper's agent and sizes (arXiv 2501.18880): T₀ 200 (so β is 10), E 20, η ½. The 100k steps of pre-training are
   * already the agent's default.
   */
  paper: {
    agent: "paper",
    episodesPerIteration: 20,
    samplesPerEpisode: 200,
    samplingRate: 0.5,
    iterations: 29,
  },
};

/** `--quick`: the same code path at the size of a CI job. */
export const QUICK: Layer = {
  iterations: 3,
  episodesPerIteration: 8,
  samplesPerEpisode: 20,
  testImagesPerRelation: 12,
  naturalImages: 100,
  validationImagesPerRelation: 4,
  feasibilitySteps: 20_000,
  feasibilityUpdates: 600,
  updatesPerIteration: 100,
};
