/**
 * @file Waits awake for an answer that comes quickly. A round trip over loopback wakes four threads in turn, which
 * takes a large part of its time on a virtual machine. An event loop that keeps turning sees the answer at once.
 */
import { availableParallelism } from "node:os";

/** Milliseconds to wait awake for one answer: a busy core is worth that much where the answer's time is unknown. */
const AWAKE = 0.4;
/** Milliseconds. After an answer that took longer than this, falling asleep costs comparatively little. */
const QUICK = 0.8;

export interface Turning {
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
  /** Calls back at the event loop's next turn. */
  readonly soon: (turn: () => void) => void;
}

const eventLoop: Turning = { clock: () => performance.now(), soon: setImmediate };

/** Keeps the event loop awake for {@link AWAKE} after a request, as long as answers come within {@link QUICK}. */
export class EagerWait {
  private until = Number.NEGATIVE_INFINITY;
  private turning = false;
  private quick = true;

  /** @param cores with a single core, waiting awake would only slow down the server */
  constructor(
    private readonly loop: Turning = eventLoop,
    private readonly cores = availableParallelism(),
  ) {}

  /** A request was sent. */
  begin(): void {
    if (!this.quick || this.cores < 2) return;
    this.until = this.loop.clock() + AWAKE;
    if (this.turning) return;
    this.turning = true;
    this.loop.soon(this.turn);
  }

  /**
   * No request is under way any more.
   * @param took milliseconds from the last request to its answer
   */
  end(took: number): void {
    this.until = Number.NEGATIVE_INFINITY;
    this.quick = took <= QUICK;
  }

  private readonly turn = (): void => {
    this.turning = this.loop.clock() < this.until;
    if (this.turning) this.loop.soon(this.turn);
  };
}
