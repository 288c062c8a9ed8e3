import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { Random } from "../../trainer/random/random.js";
import { agentLearning } from "../../trainer/rls3/agent-learning.js";
import type { Step } from "../../trainer/rls3/episodes.js";
import { type FeasibilityParts, learnFeasibility } from "../../trainer/rls3/feasibility.js";
import type { StepReward } from "../../trainer/rls3/reward.js";
import type { Transition } from "../../trainer/sac/agent.js";
import { RandomAgent } from "../../trainer/sac/random-agent.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";

/** Records what it gets. */
class Listening extends RandomAgent {
  readonly remembered: Transition[] = [];
  readonly updates: number[] = [];
  override remember(transitions: readonly Transition[] = []): void {
    this.remembered.push(...transitions);
  }
  override async update(updates = 0): Promise<Record<string, number>> {
    this.updates.push(updates);
    return { loss: this.updates.length };
  }
}

const settings = { updatesPerIteration: 100 };
const observation = { scene: 0, objects: new Int32Array(15), progress: 0 };
const step = (sample: number | null, last = false): Step => ({
  ...{ observation, action: new Float32Array(6), next: observation, last, reason: sample === null ? 1 : 0, sample },
});
/** Two episodes, round by round; the first has an invalid step. */
const rounds: readonly (readonly Step[])[] = [[step(0), step(1)], [step(null), step(2, true)], [step(3, true)]];
const episodes = [
  [0, 1, 2].flatMap((round) => rounds[round]?.[0] ?? []),
  [0, 1].flatMap((round) => rounds[round]?.[1] ?? []),
];
const rewarded: StepReward[][] = episodes.map((steps) =>
  steps.map(({ sample, last }) => ({
    feasibility: sample === null ? -1 : 1,
    extrinsic: last ? 7 : 0,
    hardness: sample === null ? null : last ? 3.5 : 0,
  })),
);
const rewardsOf = (agent: Listening): number[] => agent.remembered.map(({ reward }) => reward);

it("learns no feasibility without steps or without updates", async () => {
  const nothing = (): never => {
    throw new Error("used");
  };
  const parts = { agent: {}, environments: {}, transitions: nothing, progress: {} } as unknown as FeasibilityParts;
  for (const pretraining of ["offline", "online"] as const) {
    const settings = { pretraining, scenes: "", seed: 1 };
    await learnFeasibility(parts, { ...settings, feasibilitySteps: 0, feasibilityUpdates: 5 });
    await learnFeasibility(parts, { ...settings, feasibilitySteps: 5, feasibilityUpdates: 0 });
  }
});

describe("an agent that learns", () => {
  it("after its episodes remembers them in order with their whole rewards, then does all updates", async () => {
    const agent = new Listening();
    const learning = agentLearning(agent, { ...settings, agentLearns: "after" }, new Random(1));
    for (const round of rounds) await learning.during(round);
    expect(agent.remembered).toEqual([]);
    await learning.after(episodes, rewarded);
    expect(rewardsOf(agent)).toEqual([1, -1, 8, 1, 8]);
    expect(agent.updates).toEqual([100]);
    expect(agent.remembered.some(({ terminated }) => terminated)).toBe(false);
  });

  it("during them remembers each ±1 with one update per step, and each last step with its J₂ at the end", async () => {
    const agent = new Listening();
    const learning = agentLearning(agent, { ...settings, agentLearns: "during" }, new Random(1));
    for (const round of rounds) await learning.during(round);
    expect(rewardsOf(agent)).toEqual([1, 1, -1]);
    expect(agent.updates).toEqual([2, 2, 1]);
    const statistics = await learning.after(episodes, rewarded);
    expect(rewardsOf(agent)).toEqual([1, 1, -1, 8, 8]);
    expect(agent.updates).toEqual([2, 2, 1]);
    // Weighted by their numbers of updates: 1, 2 and 3.
    expect(statistics).toEqual({ loss: (2 * 1 + 2 * 2 + 1 * 3) / 5 });
    expect(agent.remembered.some(({ terminated }) => terminated)).toBe(false);
  });

  it.each(["after", "during"] as const)(
    "%s its episodes, and diverges, is told with what to do",
    async (agentLearns) => {
      class Diverging extends Listening {
        override async update(updates = 0): Promise<Record<string, number>> {
          return { ...(await super.update(updates)), qLoss: Number.POSITIVE_INFINITY };
        }
      }
      const learning = agentLearning(new Diverging(), { ...settings, agentLearns }, new Random(1));
      const learns = async (): Promise<void> => {
        for (const round of rounds) await learning.during(round);
        await learning.after(episodes, rewarded);
      };
      await expect(learns()).rejects.toThrow(
        new InputError("the agent's training has diverged: its qLoss is Infinity; begin anew with a lower --beta"),
      );
    },
  );
});

it("only the paper's agent with a reward for the episode learns while it acts", () => {
  const resolve = (values: Record<string, unknown>) => resolveConfiguration([{ name: "test", values }]).agentLearns;
  expect(resolve({ agent: "paper" })).toBe("during");
  expect(resolve({ agent: "paper", agentLearns: "after" })).toBe("after");
  expect(resolve({ agent: "paper", reward: "sample" })).toBe("after");
  expect(resolve({})).toBe("after");
  for (const values of [{ agentLearns: "during" }, { agent: "paper", reward: "sample", agentLearns: "during" }]) {
    expect(() => resolve(values)).toThrow(/--agent-learns during: takes --agent paper and --reward episode/);
  }
});
