/**
 * @file Your own agent: half of the time it repeats a hard placement with a small change; otherwise it places at
 * random. Compare it with the others: npx rls3 compare --quick --plugin trainer/plugins/examples/agent.mjs
 */

const ACTION_WIDTH = 6;
/** Number of placements to remember. */
const MEMORY = 256;
/** How far to move a repeated placement, as a share of the range from −1 to 1. */
const SPREAD = 0.1;

/** @type {import("rls3/plugins").OpenAgent} */
function agent() {
  /** The hardest placements so far, hardest first: their actions, flat, and their hardness. */
  let actions = new Float32Array();
  let hardness = new Float32Array();
  return {
    name: "imitator",
    description: "imitator, which repeats what was hard",

    async act(observations, random) {
      const chosen = new Float32Array(observations.length * ACTION_WIDTH);
      for (let i = 0; i < observations.length; i++) {
        const repeated = hardness.length > 0 && random.float() < 0.5 ? random.below(hardness.length) : null;
        for (let element = 0; element < ACTION_WIDTH; element++) {
          const drawn =
            repeated === null
              ? random.uniform(-1, 1)
              : actions[repeated * ACTION_WIDTH + element] + random.uniform(-SPREAD, SPREAD);
          chosen[i * ACTION_WIDTH + element] = Math.max(-1, Math.min(1, drawn));
        }
      }
      return chosen;
    },

    remember(transitions) {
      const known = Array.from(hardness, (h, i) => {
        return { h, action: actions.slice(i * ACTION_WIDTH, (i + 1) * ACTION_WIDTH) };
      });
      const found = transitions.flatMap(({ hardness: h, action }) => (h ? [{ h, action }] : []));
      const hardest = [...known, ...found].sort((a, b) => b.h - a.h).slice(0, MEMORY);
      hardness = Float32Array.from(hardest, ({ h }) => h);
      actions = Float32Array.from(hardest.flatMap(({ action }) => [...action]));
    },

    pretrain: async () => ({}),
    update: async () => ({}),

    // Copies, because a checkpoint is written while the agent may go on.
    state: async () => ({
      actions: { type: "float32", dims: [hardness.length, ACTION_WIDTH], data: actions.slice() },
      hardness: { type: "float32", dims: [hardness.length], data: hardness.slice() },
    }),

    async restore(state) {
      actions = Float32Array.from(/** @type {Float32Array} */ (state.actions.data));
      hardness = Float32Array.from(/** @type {Float32Array} */ (state.hardness.data));
    },

    async close() {
      // Nothing to close.
    },
  };
}

/** @type {import("rls3/plugins").Plugin} */
export default { name: "imitator", agent };
