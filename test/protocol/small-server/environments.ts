/** @file What the small server does to an environment: resets, steps, noops, and their results. */
import { randomBytes } from "node:crypto";
import { bad, type Header, type Is, isInteger, MOST, Refusal, type Row, type Session, type Slot } from "./message.js";
import { ACTION, hashOf, SETTINGS } from "./world.js";

export class Environments {
  private count = 0;

  constructor(private readonly is: Is) {}

  reset(slot: Slot, op: Header, session: Session): Row {
    const { env, seed, options } = op;
    const start = (options as Header | null | undefined)?.["position"];
    const refused = start !== undefined && !isInteger(start, 0, 999);
    if (this.is("refused-reset-ends") && refused) slot.state = "new";
    if (this.is("refused-reset-counts") && refused) slot.episode++;
    if (this.is("refused-reset-moves") && refused) slot.place.reset(1, undefined);
    if (refused && this.is("options-crash")) {
      slot.state = "new";
      throw new Refusal("ENV_CRASH", "the environment failed", { reason: "position" });
    }
    if (refused && !this.is("options-ignored")) throw bad("options.position");
    if (this.is("running-not-reset") && slot.state === "running") throw new Refusal("NOT_RESET", "it is running");
    const first = slot.episode === 0 && !this.is("hello-seed-ignored");
    const base = this.is("hello-seed-for-all") ? session.seed : this.plus(session.seed, env as number);
    const drawn = first ? base : undefined;
    const given = this.is("seeds-ignored") ? undefined : this.is("one-seed") ? 4 : seed;
    const own = typeof given === "number" ? given : drawn;
    const from = this.is("each-reset-seeded") && own === undefined ? base : own;
    slot.place.reset(
      this.is("clock-seeds") && own === undefined ? performance.now() : from,
      refused ? undefined : (start as number | undefined),
    );
    slot.state = "running";
    slot.episode++;
    if (!this.is("steps-over-episodes")) slot.step = 0;
    return { scene: 0 };
  }

  private plus(seed: number, env: number): number {
    if (this.is("hello-seed-sum")) return Math.min(MOST, seed + env);
    if (this.is("hello-seed-edge") && seed === MOST - env) return 0;
    return seed > MOST - env ? env - (MOST - seed) - 1 : seed + env;
  }

  operate(op: Header, slot: Slot, action: Float32Array | undefined, row: number, session: Session): Row {
    let outcome = { reward: 0, terminated: false, truncated: false, info: {} as Row };
    const kind = op["op"];
    if (kind === "reset") outcome.info = this.reset(slot, op, session);
    else {
      const tooEarly = slot.state === "new" && !(this.is("noop-before-reset") && kind === "noop");
      const afterEnd =
        slot.state === "over" && (kind === "step" || this.is("noop-after-end-refused")) && !this.is("steps-after-end");
      if ((tooEarly && !this.is("steps-before-reset")) || afterEnd) {
        if (this.is("resets-itself") && afterEnd) this.reset(slot, {}, session);
        else throw new Refusal("NOT_RESET", "reset it first", {}, this.is("not-reset-retryable"));
      }
    }
    if (kind === "step" && action !== undefined) {
      if (this.is("refused-action-moves")) slot.place.shift();
      if (this.is("refused-action-counts")) slot.step++;
      this.checkAction(action, row);
      if (this.is("refused-action-moves")) slot.place.shift(-1);
      if (this.is("refused-action-counts")) slot.step--;
      const settings = this.is("parameters-of-first") && op["env"] !== 0 ? SETTINGS : session.settings;
      outcome = slot.place.step(action, settings);
      if (this.is("parameters-once"))
        session.settings = slot.episode > 1 && outcome.truncated ? SETTINGS : session.settings;
      slot.step++;
      if (outcome.truncated) slot.state = "over";
    }
    if (kind === "noop") this.breakNoop(slot, outcome);
    return this.result(op, slot, outcome);
  }

  private breakNoop(slot: Slot, outcome: { reward: number; terminated: boolean; truncated: boolean }): void {
    if (this.is("noop-moves")) slot.place.shift();
    if (this.is("noop-counts")) slot.step++;
    if (this.is("noop-rewards")) outcome.reward = 1;
    if (this.is("noop-ends")) outcome.terminated = true;
    if (this.is("noop-episodes")) slot.episode++;
    if (this.is("state-forgotten-at-end") && slot.state === "over") slot.place.reset(0, undefined);
  }

  private checkAction(action: Float32Array, row: number): void {
    const wrong = [...action].map((value, i) => {
      const low = ACTION.low[i] as number;
      const high = ACTION.high[i] as number;
      const inside = this.is("bounds-exclusive") ? value > low && value < high : value >= low && value <= high;
      const passes = this.is("bounds-unchecked") && !Number.isNaN(value);
      return inside || passes || (this.is("nan-taken") && Number.isNaN(value)) ? -1 : i;
    });
    const found = wrong.filter((i) => i >= 0);
    const element = this.is("last-element-named") ? found.at(-1) : found[0];
    if (element === undefined) return;
    const value = action[element] as number;
    const [low, high] = [ACTION.low[element] as number, ACTION.high[element] as number];
    const isNumber = this.is("infinity-no-number") ? Number.isFinite(value) : !Number.isNaN(value);
    const detail: Row = {
      uid: ACTION.uid,
      element: this.is("elements-over-batch") ? row * 2 + element : element,
      name: ACTION.names[element],
      bound: !isNumber ? "number" : value < low !== this.is("bounds-swapped") ? "low" : "high",
      low,
      high,
      value: Number.isNaN(value) && !this.is("nan-value") ? "NaN" : value,
    };
    if (this.is("detail-without-value")) delete detail["value"];
    if (this.is("detail-without-low")) delete detail["low"];
    if (this.is("detail-without-high")) delete detail["high"];
    if (this.is("detail-without-name")) delete detail["name"];
    if (this.is("detail-without-uid")) delete detail["uid"];
    const name = this.is("message-without-name") ? "" : ACTION.names[element];
    const said = this.is("message-without-value") ? "" : String(value);
    throw new Refusal("BAD_ACTION", `${ACTION.uid}[${element}] (${name}) = ${said} is out of bounds`, detail);
  }

  private result(
    op: Header,
    slot: Slot,
    outcome: { reward: number; terminated: boolean; truncated: boolean; info: Row },
  ): Row {
    const { episode, step } = slot;
    const isReset = op["op"] === "reset";
    const result: Row = {
      env: op["env"],
      ...outcome,
      episode: this.is("episodes-from-0") ? episode - 1 : this.is("episodes-of-server") ? ++this.count : episode,
      step,
      state_hash: this.hash(slot),
    };
    if (this.is("reset-rewards") && isReset) result["reward"] = 1;
    if (this.is("reset-ends") && isReset) result["truncated"] = true;
    if (this.is("reward-nan")) result["reward"] = Number.NaN;
    if (this.is("info-missing")) delete result["info"];
    if (this.is("noop-without-info") && op["op"] === "noop") result["info"] = null;
    if (this.is("info-of-clock")) result["info"] = { time: performance.now() };
    if (this.is("reward-of-clock") && op["op"] === "step") result["reward"] = performance.now();
    if (this.is("hash-missing")) delete result["state_hash"];
    return result;
  }

  private hash(slot: Slot): string {
    const hash = hashOf(slot.place);
    if (this.is("hash-short")) return hash.slice(8);
    if (this.is("hash-capitals")) return `A${hash.slice(1)}`;
    if (this.is("hash-constant")) return "0".repeat(16);
    if (this.is("hash-random")) return randomBytes(8).toString("hex");
    if (this.is("hash-counts")) return String(++this.count).padStart(16, "0");
    return hash;
  }

  failure(error: Refusal, env: number, slot: Slot): Row {
    const { code, message, detail, retryable } = error;
    const body: Row = { code, message, detail, retryable, env };
    if (this.is("failure-without-env")) delete body["env"];
    if (this.is("failure-without-detail")) delete body["detail"];
    if (this.is("failure-without-message")) body["message"] = "";
    return {
      env,
      reward: this.is("failure-rewards") ? -1 : 0,
      terminated: this.is("failure-ends"),
      truncated: false,
      episode: slot.episode,
      step: slot.step,
      info: {},
      ...(this.is("hash-beside-error") ? { state_hash: hashOf(slot.place) } : {}),
      error: body,
    };
  }
}
