import { expect, test } from "vitest";
import { EagerWait } from "../../protocol/eager-wait.js";

/** An event loop whose turns take a tenth of a millisecond each; it turns only on request. */
class Loop {
  now = 0;
  turns = 0;
  private next: (() => void) | undefined;
  readonly clock = (): number => this.now;
  readonly soon = (turn: () => void): void => {
    expect(this.next).toBeUndefined();
    this.next = turn;
  };

  /** Turns for `milliseconds`, or until no turn is requested. */
  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.next !== undefined && this.now < end) {
      const turn = this.next;
      this.next = undefined;
      this.now += 0.1;
      this.turns++;
      turn();
    }
    this.now = Math.max(this.now, end);
  }
}

test("the loop turns while it waits for a quick answer, and no longer", () => {
  const loop = new Loop();
  const wait = new EagerWait(loop, 2);
  wait.begin();
  loop.run(0.2);
  expect(loop.turns).toBe(2);
  wait.end(0.2);
  loop.run(100);
  expect(loop.turns).toBe(3); // the turn that was already requested
});

test("an answer that does not come lets the loop sleep", () => {
  const loop = new Loop();
  new EagerWait(loop, 2).begin();
  loop.run(100);
  expect(loop.turns).toBeLessThanOrEqual(5);
});

test("after a slow answer it does not wait awake until an answer is quick again", () => {
  const loop = new Loop();
  const wait = new EagerWait(loop, 2);
  wait.end(5);
  wait.begin();
  loop.run(1);
  expect(loop.turns).toBe(0);
  wait.end(0.5);
  wait.begin();
  loop.run(1);
  expect(loop.turns).toBeGreaterThan(0);
});

test("several requests under way make the loop turn once per round", () => {
  const loop = new Loop();
  const wait = new EagerWait(loop, 2);
  for (let i = 0; i < 3; i++) wait.begin(); // Loop.soon refuses a second turn at a time
  loop.run(0.1);
  wait.begin();
  loop.run(100);
  expect(loop.turns).toBeLessThanOrEqual(6);
});

test("with one core it does not wait awake", () => {
  const loop = new Loop();
  new EagerWait(loop, 1).begin();
  loop.run(1);
  expect(loop.turns).toBe(0);
});
