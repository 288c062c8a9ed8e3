/**
 * @file How the small server handles a batch: first it checks the whole message, then it runs one operation after
 * another.
 */
import { Environments } from "./environments.js";
import {
  bad,
  ENVS,
  type Header,
  type Is,
  isInteger,
  isMap,
  MOST,
  Refusal,
  type Row,
  type Session,
  type Slot,
  tooLarge,
} from "./message.js";
import { ACTION, OBSERVATIONS } from "./world.js";

type Spec = ReturnType<typeof OBSERVATIONS>[number];

interface Tensor {
  readonly uid: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

export class Batches {
  private readonly environments: Environments;
  private count = 0;

  constructor(
    private readonly is: Is,
    private readonly graphics: string | null,
  ) {
    this.environments = new Environments(is);
  }

  batch(
    header: Header,
    payload: readonly Buffer[],
    session: Session,
  ): { results: Row[]; tensors: Row[]; payload: Buffer[] } {
    const ops = this.ops(header["ops"]);
    const steps = ops.filter(({ op }) => op === "step").length;
    const early = this.is("moves-before-want") || this.is("moves-before-shape") || this.is("moves-before-size");
    if (early && this.isWrong(header, payload, session, ops, steps)) {
      for (const op of ops) {
        const slot = session.slots[op["env"] as number] as Slot;
        if (op["op"] === "reset") this.environments.reset(slot, op, session);
        else if (slot.state === "running") slot.step++;
      }
    }
    const actions = this.actions(header["tensors"], payload, steps);
    const want = this.want(header["want"]);
    const specs = this.specs(want, ops.length, session);
    const outputs = specs.map((spec) =>
      new Array<Buffer>(ops.length).fill(Buffer.alloc(0)).map(() => this.blank(spec)),
    );
    const results: Row[] = [];
    let row = 0;
    const ranks = ops.filter(({ op }) => op === "step").map(({ env }) => env as number);
    for (const [i, op] of ops.entries()) {
      const env = op["env"] as number;
      const slot = session.slots[env] as Slot;
      const rank = this.is("action-rows-by-environment") ? [...ranks].sort((a, b) => a - b).indexOf(env) : row;
      const index = this.is("action-rows-by-operation") ? Math.min(i, steps - 1) : rank;
      if (op["op"] === "step") row++;
      try {
        results.push(this.environments.operate(op, slot, actions?.subarray(index * 2, index * 2 + 2), index, session));
        for (const [k, spec] of specs.entries()) {
          if (this.is("noop-observes-nothing") && op["op"] === "noop") continue;
          const bytes = slot.place.observe(spec.uid, this.drawnSide(spec, session));
          if (this.is("observation-out-of-bounds") && spec.uid === "place") bytes.writeInt32LE(5000);
          if (this.is("images-of-one-colour") && spec.uid === "image") bytes.fill(0);
          if (this.is("images-flicker") && spec.uid === "image") bytes[0] = ++this.count % 256;
          (outputs[k] as Buffer[])[i] =
            this.is("big-endian") && spec.dtype !== "uint8" ? Buffer.from(bytes).swap32() : bytes;
        }
      } catch (error) {
        if (!(error instanceof Refusal) || this.is("errors-not-apart")) throw error;
        results.push(this.environments.failure(error, env, slot));
        if (this.is("garbage-for-errors")) for (const output of outputs) output[i]?.fill(7);
        if (this.is("rest-not-executed")) {
          for (const rest of ops.slice(i + 1)) {
            const other = session.slots[rest["env"] as number] as Slot;
            results.push(this.environments.failure(error, rest["env"] as number, other));
          }
          break;
        }
      }
    }
    return this.assemble(ops, results, specs, outputs);
  }

  private assemble(ops: Header[], results: Row[], specs: readonly Spec[], outputs: Buffer[][]) {
    const order = ops.map((_, i) => i);
    const byEnv = [...order].sort((a, b) => Number(ops[a]?.["env"]) - Number(ops[b]?.["env"]));
    const rows = this.is("rows-by-environment") ? byEnv : order;
    const tensors = specs.map((spec, frame) => ({
      uid: spec.uid,
      dtype: spec.dtype,
      shape: [ops.length, ...spec.shape],
      frame,
    }));
    const payload = outputs.map((output) => Buffer.concat(rows.map((i) => output[i] as Buffer)));
    if (this.is("empty-batch-refused") && ops.length === 0) throw bad("ops");
    if (this.is("unwanted-brought") && specs.length === 0 && ops.length > 0)
      return {
        results,
        tensors: [{ uid: "place", dtype: "int32", shape: [ops.length, 3], frame: 0 }],
        payload: [Buffer.alloc(12 * ops.length)],
      };
    return {
      results: this.is("results-by-environment") ? byEnv.map((i) => results[i] as Row) : results,
      tensors,
      payload,
    };
  }

  private drawnSide(spec: Spec, session: Session): number {
    return this.is("size-announced-only") ? 24 : (spec.shape[0] ?? session.side);
  }

  private blank(spec: Spec): Buffer {
    return Buffer.alloc((spec.dtype === "uint8" ? 1 : 4) * spec.shape.reduce((a, b) => a * b, 1));
  }

  private isWrong(header: Header, payload: readonly Buffer[], session: Session, ops: Header[], steps: number): boolean {
    const fails = (work: () => unknown): boolean => {
      try {
        work();
        return false;
      } catch {
        return true;
      }
    };
    if (this.is("moves-before-want")) return fails(() => this.want(header["want"]));
    if (this.is("moves-before-shape")) return fails(() => this.actions(header["tensors"], payload, steps));
    return fails(() => this.specs(this.want(header["want"]), ops.length, session));
  }

  private ops(given: unknown): Header[] {
    if (!Array.isArray(given)) throw bad("ops");
    const seen = new Set<unknown>();
    const ops = given.map((op: unknown, i) => {
      const field = `ops[${i}]`;
      if (!isMap(op)) throw bad(field);
      if (this.is("unknown-op-keys-refused") && "x_future" in op) throw bad(field);
      if (!isInteger(op["env"], 0, ENVS - 1)) throw bad(`${field}.env`);
      if (seen.has(op["env"]) && !this.is("environment-twice")) throw bad(`${field}.env`);
      seen.add(op["env"]);
      if (!["reset", "step", "noop"].includes(op["op"] as string) && !this.is("unknown-ops-taken"))
        throw bad(`${field}.op`);
      const { seed, options } = op;
      if (this.is("nil-seed-refused") && seed === null) throw bad(`${field}.seed`);
      if (this.is("nil-options-refused") && options === null) throw bad(`${field}.options`);
      const wide = this.is("seed-2^53") ? 2 ** 54 : MOST;
      const most = this.is("seed-32-bits") ? 2 ** 32 - 1 : wide;
      const isSeed =
        isInteger(seed, 0, most) || (this.is("seed-fractions-taken") && typeof seed === "number" && seed >= 0);
      if (seed != null && !isSeed) throw bad(`${field}.seed`);
      if (options != null && !isMap(options) && !this.is("option-types-unchecked")) throw bad(`${field}.options`);
      return op;
    });
    return ops;
  }

  private want(given: unknown): string[] {
    if (this.is("nil-want-refused") && given === null) throw bad("want");
    if (given == null) return [];
    if (this.is("want-type-unchecked") && !Array.isArray(given)) return [];
    if (!Array.isArray(given) || !given.every((uid) => typeof uid === "string")) throw bad("want");
    if (new Set(given).size !== given.length && !this.is("want-twice")) throw bad("want");
    return [...new Set(given as string[])];
  }

  private specs(want: readonly string[], rows: number, session: Session): Spec[] {
    const known = OBSERVATIONS(session.side);
    return want.map((uid) => {
      const spec = known.find((one) => one.uid === uid);
      if (spec === undefined) throw bad("want");
      if (spec.graphics === true && this.graphics === null && !this.is("black-frames"))
        throw new Refusal("NO_GRAPHICS", "no renderer here", { uid });
      const bytes = this.blank(spec).length * rows;
      const limit = this.is("client-limit-ignored") ? 1e12 : session.limit;
      if (bytes > limit || (this.is("answer-at-limit-refused") && bytes === limit)) throw tooLarge(bytes, limit);
      return spec;
    });
  }

  private actions(given: unknown, frames: readonly Buffer[], steps: number): Float32Array | undefined {
    if (this.is("nil-tensors-refused") && given === null) throw bad("tensors");
    const tensors = given == null ? [] : this.tensors(given, frames);
    const action = tensors.find(({ uid }) => uid === ACTION.uid);
    if (this.is("other-tensors-refused") && tensors.some(({ uid }) => uid !== ACTION.uid)) throw bad("tensors");
    if (action === undefined) {
      if (steps > 0 && !this.is("missing-action-taken")) throw bad("tensors");
      return steps > 0 ? new Float32Array(2 * steps) : undefined;
    }
    if (this.is("no-rows-refused") && steps === 0) throw bad("tensors");
    if (this.is("rows-without-steps-taken") && steps === 0) return undefined;
    const expected = [steps, ...ACTION.shape];
    const isRight = action.dtype === ACTION.dtype && action.shape.join() === expected.join();
    if (!isRight) {
      const shape = this.is("shape-given") ? action.shape : this.is("shape-without-rows") ? ACTION.shape : expected;
      const detail = { uid: ACTION.uid, dtype: this.is("dtype-given") ? action.dtype : ACTION.dtype, shape };
      if (this.is("shape-bad-message")) throw bad("tensors");
      if (!(this.is("dtype-unchecked") && action.dtype !== ACTION.dtype))
        throw new Refusal("BAD_ACTION", "wrong shape", detail);
      return new Float32Array(2 * steps);
    }
    return new Float32Array(Uint8Array.from(action.bytes).buffer);
  }

  private tensors(given: unknown, frames: readonly Buffer[]): Tensor[] {
    if (!Array.isArray(given)) throw bad("tensors");
    const uids = new Set<unknown>();
    return given.map((entry: unknown, i) => {
      const field = `tensors[${i}]`;
      if (!isMap(entry)) throw bad(field);
      if (this.is("unknown-tensor-keys-refused") && "x_future" in entry) throw bad(field);
      const { uid, dtype, shape, frame } = entry;
      if (typeof uid !== "string") throw bad(field);
      if (this.is("other-tensors-unchecked") && uid !== ACTION.uid)
        return { uid, dtype: "", shape: [], bytes: Buffer.alloc(0) };
      const size = { float32: 4, float64: 8, int32: 4, uint8: 1 }[dtype as string];
      if (size === undefined) throw bad(field);
      if (
        !Array.isArray(shape) ||
        !shape.every((n) => isInteger(n, this.is("negative-shapes-taken") ? -MOST : 0, MOST))
      )
        throw bad(field);
      const number = this.is("frame-types-unchecked") ? Math.floor(Number(frame)) : frame;
      if (!isInteger(number, 0, frames.length - 1)) throw bad(field);
      const bytes = frames[number] as Buffer;
      const right = size * shape.reduce((a: number, b: number) => a * b, 1);
      const fits = bytes.length === right || (this.is("long-frames-taken") && bytes.length > right);
      if (!fits && !(this.is("short-frames-taken") && bytes.length < right)) throw bad(field);
      if (uids.has(uid) && !this.is("tensors-twice")) throw bad(field);
      uids.add(uid);
      const taken = Buffer.alloc(right);
      bytes.copy(taken);
      return { uid, dtype: dtype as string, shape, bytes: taken };
    });
  }
}
