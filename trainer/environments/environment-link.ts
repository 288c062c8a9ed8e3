/**
 * @file The client side of the protocol for the loop: operations in, typed observations out, the same for every server.
 */
import type { BatchResult, Op, VectorEnvironment } from "../../protocol/index.js";
import { at } from "../at.js";
import { UnavailableError } from "../errors.js";
import { OBJECT_FIELDS, REASONS } from "../rooms/index.js";
import type { World } from "./served-world.js";

export interface Observed {
  readonly scene: number;
  readonly objects: Int32Array;
  /** 0 for a valid placement, else the reason's number (REASONS in trainer/rooms). A reset is valid. */
  readonly reason: number;
  /** The server was restarted during this operation: nothing was done, and there is no observation. */
  readonly lost: boolean;
}

/** A restarted server loses each running episode once. One that keeps losing them is no use. */
const MOST_LOST_IN_A_ROW = 100;

export class EnvironmentLink {
  /** Batches of steps, and of pictures, lost in a row. */
  private readonly lost = { steps: 0, pictures: 0 };

  constructor(
    private readonly client: VectorEnvironment,
    readonly world: World,
    /** Number of environments on the server. */
    readonly count: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Sends the operations and returns each environment's state after them. */
  async observe(ops: readonly Op[]): Promise<Observed[]> {
    const result = await this.batch(ops, ["objects", "scene"]);
    const objects = result.tensors["objects"]?.data;
    const scenes = result.tensors["scene"]?.data;
    if (!(objects instanceof Int32Array) || !(scenes instanceof Int32Array)) {
      throw new UnavailableError(
        'the environment server gives no int32 observations "objects" and "scene": it does not serve rooms (protocol/README.md)',
      );
    }
    const width = objects.length / ops.length;
    const stepped = result.results.filter((_, row) => at(ops, row).op === "step");
    this.countLost("steps", stepped);
    return result.results.map((one, row) => {
      const { info } = one;
      const lost = isLost(one, at(ops, row));
      if (!lost && (one.terminated || one.truncated)) {
        throw new UnavailableError(
          `the environment server ends an episode by itself (environment ${one.env}, step ${one.step}); the episodes of rooms last as long as they are stepped`,
        );
      }
      const observed = {
        scene: at(scenes, row),
        objects: objects.slice(row * width, (row + 1) * width),
        reason: at(ops, row).op === "step" && !lost ? reasonOf(info) : 0,
        lost,
      };
      if (!lost) this.check(observed);
      return observed;
    });
  }

  /** A picture of each environment's current state, u8 [size, size, 3]; null where a server restart lost the state. */
  async images(environments: readonly number[]): Promise<(Uint8Array | null)[]> {
    const ops = environments.map((env): Op => ({ env, op: "noop" }));
    const result = await this.batch(ops, ["image"]);
    const image = result.tensors["image"]?.data;
    if (!(image instanceof Uint8Array)) {
      throw new UnavailableError('the environment server gives no u8 "image": it needs a renderer for rls3');
    }
    this.countLost("pictures", result.results);
    const size = image.length / environments.length;
    return result.results.map((one, row) =>
      isLost(one, at(ops, row)) ? null : image.slice(row * size, (row + 1) * size),
    );
  }

  private countLost(what: "steps" | "pictures", results: BatchResult["results"]): void {
    if (results.length === 0) return;
    this.lost[what] = results.some(saysLost) ? this.lost[what] + 1 : 0;
    if (this.lost[what] <= MOST_LOST_IN_A_ROW) return;
    throw new UnavailableError(
      `the environment server has lost its episodes ${MOST_LOST_IN_A_ROW} times in a row (info.lost): look into its log`,
    );
  }

  /** From here on, these values index the server's own catalog. */
  private check({ scene, objects, reason }: Observed): void {
    const { catalog } = this.world;
    const refuse = (what: string): UnavailableError =>
      new UnavailableError(
        `the environment server gives ${what}: its catalog and its observations do not belong together`,
      );
    if (catalog.scenes[scene] === undefined) throw refuse(`scene ${scene} of ${catalog.scenes.length}`);
    if (REASONS[reason] === undefined) throw refuse(`reason ${reason}, where rooms have 0 to ${REASONS.length - 1}`);
    for (let field = 0; field < objects.length; field += OBJECT_FIELDS) {
      const object = objects[field] as number;
      if (catalog.objects[object] === undefined) throw refuse(`object ${object} of ${catalog.objects.length}`);
    }
  }

  private batch(ops: readonly Op[], want: readonly string[]): Promise<BatchResult> {
    return this.client.batch(ops, want, { signal: this.signal });
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

type Result = BatchResult["results"][number];

/**
 * Pictures are requested while the next step is under way. If the server dies then, only one of the two is told that
 * the episode was lost; the other finds an environment without a reset.
 */
const saysLost = ({ info, error }: Result): boolean => info["lost"] === true || error?.code === "NOT_RESET";

/** @throws UnavailableError where the operation failed for another reason */
function isLost(result: Result, { env, op }: Op): boolean {
  const lost = saysLost(result) && op !== "reset";
  if (result.error === undefined || lost) return lost;
  throw new UnavailableError(`environment ${env} failed: ${result.error.code}: ${result.error.message}`);
}

/** The reason's number of a step; 0 for a valid one. */
function reasonOf({ valid, reason }: Readonly<Record<string, unknown>>): number {
  if (valid === true) return 0;
  if (valid === false && typeof reason === "number" && reason !== 0) return reason;
  const shown = (value: unknown): string => JSON.stringify(value) ?? "nothing";
  throw new UnavailableError(
    `the environment server answers a step with info.valid ${shown(valid)} and info.reason ${shown(reason)}; rooms say true, or false and why (1 to ${REASONS.length - 1})`,
  );
}
