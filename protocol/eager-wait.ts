/**
 * @file Waits awake for an answer that comes at once. A round trip over loopback wakes four threads in turn, which on a virtual
 * machine is a large part of its time. An event loop that keeps turning sees the answer as soon as it is there.
 */
import { availableParallelism } from "node:os";

/** Milliseconds that one answer is waited for awake: what a busy core is worth, where nobody knows when an answer comes. */
const AWAKE = 0.4;
/** Milliseconds. Next to an answer that took longer than this, falling asleep costs little. */
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

  /** @param cores with one there is nobody else to make the answer meanwhile */
  constructor(
    private readonly loop: Turning = eventLoop,
    private readonly cores = availableParallelism(),
  ) {}

  /** A request is on its way. */
  begin(): void {
    if (!this.quick || this.cores < 2) return;
    this.until = this.loop.clock() + AWAKE;
    if (this.turning) return;
    this.turning = true;
    this.loop.soon(this.turn);
  }

  /** Nothing is on its way any more. @param took milliseconds from the last request to its answer */
  end(took: number): void {
    this.until = Number.NEGATIVE_INFINITY;
    this.quick = took <= QUICK;
  }

  private readonly turn = (): void => {
    this.turning = this.loop.clock() < this.until;
    if (this.turning) this.loop.soon(this.turn);
  };
}
