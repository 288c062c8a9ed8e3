/**
 * @file When the agent learns in an iteration. By default after its episodes have been rewarded, which works with any
 * reward. The paper's agent learns while it acts: ±1 is known at once and corrects a policy that has gone astray; only
 * an episode's last step waits for its J₂.
 */
import { at } from "../at.js";
import { InputError } from "../errors.js";
import type { Random } from "../random/random.js";
import type { Agent, AgentStatistics, Transition } from "../sac/agent.js";
import type { Configuration } from "../settings/configuration.js";
import type { Step } from "./episodes.js";
import { feasibilityOf, type StepReward } from "./reward.js";

export interface AgentLearning {
  /** Learns from a round of steps right away, or leaves them for later. */
  during(round: readonly Step[]): Promise<void>;
  /** Learns what is left once all rewards are known; returns means over the whole iteration. */
  after(episodes: readonly (readonly Step[])[], rewarded: readonly (readonly StepReward[])[]): Promise<AgentStatistics>;
}

type Settings = Pick<Configuration, "agentLearns" | "updatesPerIteration">;

export function agentLearning(agent: Agent, settings: Settings, random: Random): AgentLearning {
  return settings.agentLearns === "after" ? learningAfter(agent, settings, random) : learningDuring(agent, random);
}

function learningAfter(agent: Agent, { updatesPerIteration }: Settings, random: Random): AgentLearning {
  return {
    during: () => Promise.resolve(),
    after: (episodes, rewarded) => {
      agent.remember(transitions(episodes, rewarded));
      return updated(agent, updatesPerIteration, random);
    },
  };
}

/** One update per step. */
function learningDuring(agent: Agent, random: Random): AgentLearning {
  const sums = new Map<string, number>();
  let updates = 0;
  return {
    during: async (round) => {
      agent.remember(round.filter((step) => !step.last).map((step) => transition(step, feasibilityAlone(step))));
      for (const [name, mean] of Object.entries(await updated(agent, round.length, random))) {
        sums.set(name, (sums.get(name) ?? 0) + mean * round.length);
      }
      updates += round.length;
    },
    after: async (episodes, rewarded) => {
      agent.remember(transitions(episodes, rewarded, ({ last }) => last));
      return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / updates]));
    },
  };
}

/**
 * Updates the agent.
 * @throws InputError where a mean of the updates is not finite: from then on the agent would act by chance, or not at
 * all
 */
export async function updated(agent: Pick<Agent, "update">, updates: number, random: Random): Promise<AgentStatistics> {
  const statistics = await agent.update(updates, random);
  const spoiled = Object.entries(statistics).find(([, mean]) => !Number.isFinite(mean));
  if (spoiled === undefined) return statistics;
  throw new InputError(
    `the agent's training has diverged: its ${spoiled[0]} is ${spoiled[1]}; begin anew with a lower --beta`,
  );
}

const feasibilityAlone = ({ sample }: Step): StepReward => ({
  feasibility: feasibilityOf(sample !== null),
  extrinsic: 0,
  hardness: sample === null ? null : 0,
});

/** What the agent remembers of the episodes: all steps, or only some of them. */
function transitions(
  episodes: readonly (readonly Step[])[],
  rewarded: readonly (readonly StepReward[])[],
  remembered: (step: Step) => boolean = () => true,
): Transition[] {
  return episodes.flatMap((steps, episode) =>
    steps.flatMap((step, t) => (remembered(step) ? [transition(step, at(at(rewarded, episode), t))] : [])),
  );
}

/**
 * What the agent remembers of a step. The end of an episode is a time limit, not a termination. It comes with the T₀-th
 * valid sample: if the value ended there, the agent would earn entropy and future reward by making invalid steps.
 */
function transition(step: Step, { feasibility, extrinsic, hardness }: StepReward): Transition {
  const { observation, action, next, sample } = step;
  return {
    observation,
    action,
    next,
    valid: sample !== null,
    reward: feasibility + extrinsic,
    hardness,
    terminated: false,
  };
}
