import { expect, test } from "vitest";
import { EagerWait } from "../../protocol/eager-wait.js";

/** An event loop whose turns take a tenth of a millisecond each, as far as it is asked for any. */
class Loop {
  now = 0;
  turns = 0;
  private next: (() => void) | undefined;
  readonly clock = (): number => this.now;
  readonly soon = (turn: () => void): void => {
    expect(this.next).toBeUndefined();
    this.next = turn;
  };

  /** Turns until `milliseconds` from now, or until nobody asks for more. */
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

test("the loop turns while a quick answer is waited for, and no longer", () => {
  const loop = new Loop();
  const wait = new EagerWait(loop, 2);
  wait.begin();
  loop.run(0.2);
  expect(loop.turns).toBe(2);
  wait.end(0.2);
  loop.run(100);
  expect(loop.turns).toBe(3); // the turn that was asked for already
});

test("an answer that does not come lets the loop sleep", () => {
  const loop = new Loop();
  new EagerWait(loop, 2).begin();
  loop.run(100);
  expect(loop.turns).toBeLessThanOrEqual(5);
});

test("after a slow answer nothing is waited for awake until one is quick again", () => {
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

test("several requests on their way turn the loop once each time round", () => {
  const loop = new Loop();
  const wait = new EagerWait(loop, 2);
  for (let i = 0; i < 3; i++) wait.begin(); // Loop.soon refuses a second turn at a time
  loop.run(0.1);
  wait.begin();
  loop.run(100);
  expect(loop.turns).toBeLessThanOrEqual(6);
});

test("on one core the answer is left to be made", () => {
  const loop = new Loop();
  new EagerWait(loop, 1).begin();
  loop.run(1);
  expect(loop.turns).toBe(0);
});
