/** @file A plugin as a run uses it: errors name the hook, and results are checked. */
import type { World } from "../environments/served-world.js";
import { evaluate } from "../evaluation/evaluation.js";
import type { Vocabulary } from "../language/index.js";
import { Random } from "../random/random.js";
import type { FoundSample, Iteration, Parts, Pay } from "../rls3/loop.js";
import type { Agent } from "../sac/agent.js";
import type { AgentOptions } from "../sac/agent-options.js";
import type { Configuration } from "../settings/configuration.js";
import { guardedAgent } from "./agent.js";
import { Hooks } from "./hooks.js";
import type { Callbacks, Plugin, ReportedSample, RunStart } from "./plugin.js";
import type { PluginSource } from "./source.js";

/** A number for each of the plugin's metrics; null where it was not measured. */
export type Measured = Readonly<Record<string, number | null>>;

export class LoadedPlugin {
  readonly name: string;
  readonly vocabulary: Vocabulary | undefined;
  /** The evaluation's metrics; empty without an evaluation. */
  readonly metrics: readonly string[];
  private readonly hooks: Hooks;

  constructor(
    readonly source: PluginSource,
    private readonly plugin: Plugin,
  ) {
    this.name = plugin.name;
    this.vocabulary = plugin.vocabulary;
    this.metrics = plugin.evaluation?.metrics ?? [];
    this.hooks = new Hooks(plugin.name, source.file);
  }

  /** For config.json. */
  get description(): PluginSource & { readonly name: string; readonly metrics: readonly string[] } {
    return { name: this.name, ...this.source, metrics: this.metrics };
  }

  /** Which parts it has, of those that settings can select. */
  get parts(): { readonly reward: boolean; readonly agent: boolean } {
    return { reward: this.plugin.reward !== undefined, agent: this.plugin.agent !== undefined };
  }

  /** Its reward, for the loop; undefined if it has none. */
  pay(configuration: Configuration, world: World): Pay | undefined {
    const { reward } = this.plugin;
    if (reward === undefined) return undefined;
    return async (samples, iteration) => {
      const random = Random.stream(configuration.seed, "plugin, reward", iteration);
      const amounts = await this.hooks.call("reward", () =>
        reward(samples, { iteration, configuration, world, random }),
      );
      if (!Array.isArray(amounts) && !ArrayBuffer.isView(amounts)) {
        this.hooks.refuse(
          "reward",
          `gave no list in iteration ${iteration}; it gives a number for each of the ${samples.length} samples`,
        );
      }
      const paid = Array.from(amounts as ArrayLike<unknown>);
      if (paid.length !== samples.length) {
        this.hooks.refuse(
          "reward",
          `gave ${paid.length} numbers for the ${samples.length} samples of iteration ${iteration}; it gives one for each`,
        );
      }
      return paid.map((amount, i) => this.hooks.finite("reward", amount, sampleName(samples[i], i, iteration)));
    };
  }

  async openAgent(options: AgentOptions): Promise<Agent> {
    const { agent } = this.plugin;
    if (agent === undefined) return this.hooks.refuse("agent", "is not there");
    return guardedAgent(await this.hooks.call("agent", () => agent(options)), this.hooks);
  }

  /** The metrics after an iteration; empty without an evaluation. */
  async measure(
    { environments: { world }, model, testSets }: Pick<Parts, "environments" | "model" | "testSets">,
    configuration: Configuration,
    iteration: number,
  ): Promise<Measured> {
    const { evaluation } = this.plugin;
    if (evaluation === undefined) return {};
    const hook = "evaluation.measure";
    const random = Random.stream(configuration.seed, "plugin, evaluation", iteration);
    const accuracy = (set: Parameters<typeof evaluate>[2]) => evaluate(model, world, set);
    const measured = await this.hooks.call(hook, () =>
      evaluation.measure({ iteration, configuration, world, model, testSets, accuracy, random }),
    );
    const given = Object.fromEntries(this.hooks.entries(hook, measured, "metrics"));
    const unknown = Object.keys(given).find((name) => !this.metrics.includes(name));
    if (unknown !== undefined) {
      this.hooks.refuse(
        hook,
        `gave ${JSON.stringify(unknown)}, which is not among its metrics: ${this.metrics.join(", ")}`,
      );
    }
    return Object.fromEntries(
      this.metrics.map((name) => {
        const value = given[name] ?? null;
        return [name, value === null ? null : this.hooks.finite(hook, value, `${name} in iteration ${iteration}`)];
      }),
    );
  }

  async started(run: RunStart): Promise<void> {
    await this.callback("onStart", run);
  }

  /** Calls `onSample` for each sample of the iteration, then `onIteration`. */
  async report({ stopwatch, ...iteration }: Iteration): Promise<void> {
    const { onSample } = this.plugin.callbacks ?? {};
    if (onSample !== undefined)
      for (const sample of reportedSamples(iteration)) await this.callback("onSample", sample);
    await this.callback("onIteration", iteration);
  }

  private async callback<Name extends keyof Callbacks>(
    name: Name,
    told: Parameters<NonNullable<Callbacks[Name]>>[0],
  ): Promise<void> {
    const callbacks = this.plugin.callbacks as Readonly<Record<string, ((told: unknown) => unknown) | undefined>>;
    if (callbacks?.[name] !== undefined) await this.hooks.call(`callbacks.${name}`, () => callbacks[name]?.(told));
  }
}

function sampleName(sample: FoundSample | undefined, index: number, iteration: number): string {
  return `sample ${index} of iteration ${iteration} (episode ${sample?.episode}, step ${sample?.step})`;
}

function reportedSamples({ state: { iteration }, found }: Pick<Iteration, "state" | "found">): ReportedSample[] {
  if (found === undefined) return [];
  const kept = new Set(found.kept);
  return found.episodes.steps.flatMap((steps, episode) =>
    steps.flatMap(({ sample: index }, step): ReportedSample[] => {
      const [sample, scored] = index === null ? [] : [found.episodes.samples[index], found.scored[index]];
      const reward = found.rewarded[episode]?.[step];
      if (index === null || sample === undefined || scored === undefined || reward === undefined) return [];
      return [{ ...sample, ...scored, iteration, reward, kept: kept.has(index) }];
    }),
  );
}
