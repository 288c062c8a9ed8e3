/** @file The world of the small server: a position between 0 and 999 that moves, and remembers everything. */

export const ACTION = {
  uid: "move",
  dtype: "float32",
  shape: [2],
  low: [-1, -0.5],
  high: [1, 0.5],
  names: ["along", "idle"],
} as const;

/** @param side of the image, in pixels */
export function OBSERVATIONS(side: number): {
  uid: string;
  dtype: string;
  shape: number[];
  low?: number[] | number;
  high?: number[] | number;
  graphics?: boolean;
}[] {
  return [
    { uid: "place", dtype: "int32", shape: [3], low: [0, 0, 1], high: [999, LONGEST, 7] },
    { uid: "share", dtype: "float32", shape: [1], low: 0, high: 1 },
    { uid: "image", dtype: "uint8", shape: [side, side, 3], graphics: true },
  ];
}

export interface Settings {
  readonly stride: number;
  readonly bonus: number;
}

export const SETTINGS: Settings = { stride: 10, bonus: 0 };

export const PARAMETERS = [
  { name: "stride", type: "float", low: 0, high: 50, default: 10, description: "how far a move goes" },
  { name: "bonus", type: "int", low: 0, high: 5, default: 0, description: "what each step earns besides" },
] as const;

/** Steps of an episode. */
const LONGEST = 6;

export class Place {
  private state: number;
  position = 0;
  steps = 0;
  drift = 1;

  constructor(index: number) {
    this.state = index + 1;
  }

  /** Lehmer's generator. */
  private draw(n: number): number {
    for (let i = 0; i < 3; i++) this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state % n;
  }

  reset(seed: number | undefined, position: number | undefined): void {
    if (seed !== undefined) this.state = (seed % 2_147_483_646) + 1;
    const drawn = 100 + this.draw(800);
    this.position = position ?? drawn;
    this.drift = 1 + this.draw(7);
    this.steps = 0;
  }

  /** Changes the visible state a little. */
  shift(by = 1): void {
    this.position += by;
  }

  step(action: Float32Array, { stride, bonus }: Settings) {
    const [along = 0] = action;
    const to = this.position + Math.round(along * stride) + this.drift;
    this.position = Math.max(0, Math.min(999, to));
    this.steps++;
    return {
      reward: along + bonus,
      terminated: false,
      truncated: this.steps >= LONGEST,
      info: { position: this.position },
    };
  }

  observe(uid: string, side: number): Buffer {
    if (uid === "place") return Buffer.from(Int32Array.of(this.position, this.steps, this.drift).buffer);
    if (uid === "share") return Buffer.from(Float32Array.of(this.position / 1000).buffer);
    return Buffer.from(Array.from({ length: side * side * 3 }, (_, i) => (i + this.position) % 256));
  }
}

export function hashOf({ position, steps, drift }: Place): string {
  return (position * 1000 + steps * 10 + drift).toString(16).padStart(16, "0");
}
