/**
 * @file When the agent learns in an iteration. After its episodes have been rewarded: any reward can be learned from so. Or while it acts, as the
 * paper's agent does: ±1 is known at once and corrects a policy that has strayed, and only an episode's last step waits for its J₂.
 */
import type { Random } from "../random/random.js";
import type { Agent, AgentStatistics, Transition } from "../sac/agent.js";
import type { Configuration } from "./configuration.js";
import type { Step } from "./episodes.js";
import type { StepReward } from "./reward.js";

export interface AgentLearning {
  /** Hears of each round of steps as it is made; null where the agent only learns after. */
  readonly whileActing: ((round: readonly Step[]) => Promise<void>) | null;
  /** With all rewards known: what is left to learn, and the means of the whole iteration. */
  finish(
    episodes: readonly (readonly Step[])[],
    rewarded: readonly (readonly StepReward[])[],
  ): Promise<AgentStatistics>;
}

type Settings = Pick<Configuration, "agentLearns" | "updatesPerIteration">;

export function agentLearning(agent: Agent, settings: Settings, random: Random): AgentLearning {
  return settings.agentLearns === "after" ? learningAfter(agent, settings, random) : learningDuring(agent, random);
}

function learningAfter(agent: Agent, { updatesPerIteration }: Settings, random: Random): AgentLearning {
  return {
    whileActing: null,
    finish: (episodes, rewarded) => {
      agent.remember(episodes.flatMap((steps, e) => steps.map((step, t) => transition(step, rewarded[e]?.[t]))));
      return agent.update(updatesPerIteration, random);
    },
  };
}

/** An update a step. */
function learningDuring(agent: Agent, random: Random): AgentLearning {
  const sums = new Map<string, number>();
  let updates = 0;
  return {
    whileActing: async (round) => {
      agent.remember(round.filter((step) => !step.last).map((step) => transition(step, feasibilityAlone(step))));
      for (const [name, mean] of Object.entries(await agent.update(round.length, random))) {
        sums.set(name, (sums.get(name) ?? 0) + mean * round.length);
      }
      updates += round.length;
    },
    finish: async (episodes, rewarded) => {
      const last = episodes.flatMap((steps, e) =>
        steps.flatMap((step, t) => (step.last ? [transition(step, rewarded[e]?.[t])] : [])),
      );
      agent.remember(last);
      return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / updates]));
    },
  };
}

const feasibilityAlone = ({ sample }: Step): StepReward => ({
  feasibility: sample === null ? -1 : 1,
  extrinsic: 0,
  hardness: sample === null ? null : 0,
});

/**
 * What the agent remembers of a step. An episode's end is a time limit and no termination: it comes with the T₀-th valid sample, so that an agent
 * whose value ended there would be paid, in entropy and in what is yet to come, for invalid steps.
 */
function transition(step: Step, reward: StepReward | undefined): Transition {
  if (reward === undefined) throw new Error("a step has no reward");
  const { observation, action, next, sample } = step;
  const { feasibility, extrinsic, hardness } = reward;
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
