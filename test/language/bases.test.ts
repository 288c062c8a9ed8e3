import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeTerms, contradictsBases, fullFlip, RELATION_CODES } from "../../trainer/language/index.js";

const code = fc.integer({ min: 0, max: RELATION_CODES - 1 });
const height = fc.integer({ min: 0, max: 2000 });
/** Often close to each other. */
const bases = fc
  .tuple(height, fc.oneof(fc.integer({ min: -12, max: 12 }), height))
  .map(([a, by]) => [a, a + by] as const);

const vertical = (of: number): "above" | "below" | null => {
  const terms = codeTerms(of);
  return terms.includes("above") ? "above" : terms.includes("below") ? "below" : null;
};

describe("the bases of a pair", () => {
  it("contradict (A, B) exactly where they contradict (B, A), with all terms inverted", () => {
    fc.assert(
      fc.property(code, bases, (of, [a, b]) => {
        expect(contradictsBases(fullFlip(of), b, a)).toBe(contradictsBases(of, a, b));
      }),
    );
  });

  it("never contradict a relation without a vertical term", () => {
    fc.assert(
      fc.property(
        code.filter((of) => vertical(of) === null),
        bases,
        (of, [a, b]) => {
          expect(contradictsBases(of, a, b)).toBe(false);
        },
      ),
    );
  });

  it("contradict a vertical term unless the upper one stands more than 1 cm higher, wherever the floor is", () => {
    fc.assert(
      fc.property(
        code.filter((of) => vertical(of) !== null),
        bases,
        height,
        (of, [a, b], floor) => {
          const [upper, lower] = vertical(of) === "above" ? [a, b] : [b, a];
          expect(contradictsBases(of, a, b)).toBe(upper <= lower + 10);
          expect(contradictsBases(of, a + floor, b + floor)).toBe(contradictsBases(of, a, b));
        },
      ),
    );
  });
});
