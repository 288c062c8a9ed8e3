/**
 * @file Spatial relations: the positions of two objects give one of 27 relation codes (3 vertical × 9 horizontal parts;
 * the code with neither is empty). Sectors and thresholds were measured from the paper's figures; reference cases are
 * in test/golden/relations.
 */

import { at } from "../at.js";

/** The six terms, in the order of tables and of metrics.csv. */
export const TERMS = ["right", "left", "behind", "in front", "above", "below"] as const;
/** One of `TERMS`. */
export type Term = (typeof TERMS)[number];

/** vertical · 9 + horizontal. Vertical: 0 none, 1 above, 2 below. Horizontal: B's sector (0 to 7), 8 none. */
export type RelationCode = number;

export const RELATION_CODES = 27;
/** Neither a vertical nor a horizontal part: no caption can say it. No offset has it; that of zeros has code 0. */
export const EMPTY_CODE: RelationCode = 8;

/** B − A along the camera's axes: right, up, and toward the camera (any unit of length). */
export interface CameraOffset {
  readonly right: number;
  readonly up: number;
  readonly toward: number;
}

/** Horizontal unit vectors (x, z) of a camera's yaw frame, in the right-handed world with y up. */
export interface CameraAxes {
  readonly right: readonly [number, number];
  readonly toward: readonly [number, number];
}

/** A caption has a vertical term above this elevation (degrees), not at it. */
const VERTICAL_FROM = 20;
/** The horizontal term is dropped above this elevation, not at it. */
const HORIZONTAL_UP_TO = 75;
const SECTOR = 45;
const NO_SECTOR = 8;

/** A's terms when B lies in sector 0 (to A's right), 1, …: counter-clockwise, with "toward the camera" at 90°. */
const HORIZONTAL: readonly (readonly Term[])[] = [
  ["left"],
  ["behind", "left"],
  ["behind"],
  ["behind", "right"],
  ["right"],
  ["in front", "right"],
  ["in front"],
  ["in front", "left"],
  [],
];
const VERTICAL: readonly (readonly Term[])[] = [[], ["above"], ["below"]];
const OPPOSITE: Readonly<Record<Term, Term>> = {
  right: "left",
  left: "right",
  behind: "in front",
  "in front": "behind",
  above: "below",
  below: "above",
};

/** Terms of each code, vertical before depth before lateral, as a caption says them. */
const CODE_TERMS: readonly (readonly Term[])[] = VERTICAL.flatMap((vertical) =>
  HORIZONTAL.map((horizontal) => [...vertical, ...horizontal]),
);
const CODE_OF = new Map(CODE_TERMS.map((terms, code) => [[...terms].sort().join("|"), code]));

/**
 * Terms of A relative to B, in a caption's order.
 * @throws RangeError for a number that is no code
 */
export function codeTerms(code: RelationCode): readonly Term[] {
  return CODE_TERMS[code] ?? noCode(code);
}

/** The code with exactly these terms; undefined where they contradict each other. */
export function codeOfTerms(terms: Iterable<Term>): RelationCode | undefined {
  return CODE_OF.get([...new Set(terms)].sort().join("|"));
}

/** The 26 codes that a caption can say. */
export const CODES: readonly RelationCode[] = CODE_TERMS.flatMap((terms, code) => (terms.length > 0 ? [code] : []));

export function opposite(term: Term): Term {
  return OPPOSITE[term];
}

/** The results of flipping terms of a code, computed once for all codes. */
interface Flips {
  readonly full: RelationCode;
  readonly byTerm: readonly RelationCode[];
  readonly all: readonly RelationCode[];
}

function codeOfFlipped(terms: readonly Term[], flipped: (term: Term) => boolean): RelationCode {
  const code = codeOfTerms(terms.map((term) => (flipped(term) ? OPPOSITE[term] : term)));
  if (code === undefined) throw new Error(`flipping ${terms.join(", ")} gives no relation`);
  return code;
}

const FLIPS: readonly Flips[] = CODE_TERMS.map((terms) => {
  const full = codeOfFlipped(terms, () => true);
  const byTerm = terms.map((flipped) => codeOfFlipped(terms, (term) => term === flipped));
  return { full, byTerm, all: [...new Set([full, ...byTerm])] };
});

function flipsOf(code: RelationCode): Flips {
  return FLIPS[code] ?? noCode(code);
}

function noCode(code: number): never {
  throw new RangeError(`a relation code is 0 to ${RELATION_CODES - 1}, not ${code}`);
}

/** Flips every term; also the code of (B, A). */
export function fullFlip(code: RelationCode): RelationCode {
  return flipsOf(code).full;
}

/** For each term of the code, in its order: the code with only that term flipped. */
export function termFlips(code: RelationCode): readonly RelationCode[] {
  return flipsOf(code).byTerm;
}

/** The full flip and the term flips, without repeats: the wrong captions in scoring and fine-tuning. */
export function flips(code: RelationCode): readonly RelationCode[] {
  return flipsOf(code).all;
}

/**
 * Axes of a camera at yaw `degrees`. At 0 it looks along −z; positive yaw turns it counter-clockwise, seen from above.
 */
export function axesFromYaw(degrees: number): CameraAxes {
  const yaw = (degrees * Math.PI) / 180;
  return { right: [Math.cos(yaw), -Math.sin(yaw)], toward: [Math.sin(yaw), Math.cos(yaw)] };
}

/**
 * Axes of a camera at `position` that looks at `target` (x, y, z each).
 * @throws RangeError if it looks straight up or down
 */
export function axesOfCamera(position: readonly number[], target: readonly number[]): CameraAxes {
  const dx = at(position, 0) - at(target, 0);
  const dz = at(position, 2) - at(target, 2);
  const length = Math.sqrt(dx ** 2 + dz ** 2);
  if (length === 0) throw new RangeError("a camera that looks straight down has no left and right");
  const toward: readonly [number, number] = [dx / length, dz / length];
  return { right: [toward[1], -toward[0]], toward };
}

/** `b` − `a` (x, y, z each; right-handed world, y up) along the camera's axes. */
export function cameraOffset(a: readonly number[], b: readonly number[], axes: CameraAxes): CameraOffset {
  // Runs for every pair of every state. The casts cost nothing; positions have three elements.
  const dx = (b[0] as number) - (a[0] as number);
  const dz = (b[2] as number) - (a[2] as number);
  return {
    right: dx * axes.right[0] + dz * axes.right[1],
    up: (b[1] as number) - (a[1] as number),
    toward: dx * axes.toward[0] + dz * axes.toward[1],
  };
}

/** Degrees: elevation of B over A in [−90, 90]; bearing in [0, 360), from the camera's right toward the camera. */
export function angles({ right, up, toward }: CameraOffset): { elevation: number; bearing: number } {
  const degrees = 180 / Math.PI;
  const bearing = Math.atan2(toward, right) * degrees;
  return {
    elevation: Math.atan2(up, Math.hypot(right, toward)) * degrees,
    bearing: bearing < 0 ? bearing + 360 : bearing,
  };
}

/**
 * The relation of A to B, from B's direction as seen from A. Ties: no vertical term at 20°; the horizontal term stays
 * at 75°; a bearing on an edge belongs to the next sector counter-clockwise.
 */
export function relationOfAngles(elevation: number, bearing: number): RelationCode {
  const vertical = elevation > VERTICAL_FROM ? 2 : elevation < -VERTICAL_FROM ? 1 : 0;
  const sector = Math.floor(((bearing + SECTOR / 2) % 360) / SECTOR);
  return vertical * 9 + (Math.abs(elevation) > HORIZONTAL_UP_TO ? NO_SECTOR : sector);
}

/** The relation of A to B; `offset` is B − A. */
export function relation(offset: CameraOffset): RelationCode {
  const { elevation, bearing } = angles(offset);
  return relationOfAngles(elevation, bearing);
}

/** Degrees to the nearest boundary at which the caption changes: near 0, the picture itself is ambiguous. */
export function boundaryMargin(offset: CameraOffset): number {
  const { elevation, bearing } = angles(offset);
  const height = Math.abs(elevation);
  const vertical = Math.min(Math.abs(height - VERTICAL_FROM), Math.abs(height - HORIZONTAL_UP_TO));
  if (height > HORIZONTAL_UP_TO) return vertical;
  const inSector = (bearing + SECTOR / 2) % SECTOR;
  return Math.min(vertical, inSector, SECTOR - inSector);
}
