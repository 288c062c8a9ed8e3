/**
 * @file An agent of one's own: it repeats placements that were valid and hard, a little moved, and else draws at random. Run it beside the
 * others: npx rls3 compare --quick --plugin trainer/plugins/examples/agent.mjs
 */

const ACTION_WIDTH = 6;
/** Placements that it remembers. */
const MEMORY = 256;
/** How far a repeated placement is moved, of the whole range from −1 to 1. */
const SPREAD = 0.1;

/** @implements {import("rls3/plugins").Agent} */
class Imitator {
  name = "imitator";
  description = "imitator, which repeats what was hard";
  /** Actions one behind the other, the hardest first. */
  #actions = new Float32Array();
  #hardness = new Float32Array();

  async act(observations, random) {
    const actions = new Float32Array(observations.length * ACTION_WIDTH);
    for (let i = 0; i < observations.length; i++) {
      const repeated = this.#hardness.length > 0 && random.float() < 0.5 ? random.below(this.#hardness.length) : null;
      for (let element = 0; element < ACTION_WIDTH; element++) {
        const near = repeated === null ? 0 : this.#actions[repeated * ACTION_WIDTH + element];
        const drawn = repeated === null ? random.uniform(-1, 1) : near + random.uniform(-SPREAD, SPREAD);
        actions[i * ACTION_WIDTH + element] = Math.max(-1, Math.min(1, drawn));
      }
    }
    return actions;
  }

  remember(transitions) {
    const known = Array.from(this.#hardness, (hardness, i) => ({
      hardness,
      action: this.#actions.slice(i * ACTION_WIDTH, (i + 1) * ACTION_WIDTH),
    }));
    const found = transitions.flatMap(({ hardness, action }) => (hardness ? [{ hardness, action }] : []));
    const hardest = [...known, ...found].sort((a, b) => b.hardness - a.hardness).slice(0, MEMORY);
    this.#hardness = Float32Array.from(hardest, ({ hardness }) => hardness);
    this.#actions = Float32Array.from(hardest.flatMap(({ action }) => [...action]));
  }

  async pretrain() {
    return {};
  }

  async update() {
    return {};
  }

  /** Copies: a checkpoint is written while the agent may go on. */
  async state() {
    const n = this.#hardness.length;
    return {
      actions: { type: "float32", dims: [n, ACTION_WIDTH], data: this.#actions.slice() },
      hardness: { type: "float32", dims: [n], data: this.#hardness.slice() },
    };
  }

  async restore(state) {
    this.#actions = state.actions.data.slice();
    this.#hardness = state.hardness.data.slice();
  }

  async close() {
    // Nothing held.
  }
}

/** @type {import("rls3/plugins").Plugin} */
export default { name: "imitator", agent: () => new Imitator() };
