import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  axesOfCamera,
  boundaryMargin,
  CODES,
  cameraOffset,
  codeOfTerms,
  codeTerms,
  flips,
  fullFlip,
  opposite,
  RELATION_CODES,
  relation,
  termFlips,
} from "../../trainer/language/index.js";

const coordinate = fc.double({ min: -3, max: 3, noNaN: true, noDefaultInfinity: true });
const offset = fc.record({ right: coordinate, up: coordinate, toward: coordinate });

describe("relation codes", () => {
  it("are 26 that can be said, each with its own terms", () => {
    expect(CODES).toHaveLength(RELATION_CODES - 1);
    expect(new Set(CODES.map((code) => codeTerms(code).join())).size).toBe(CODES.length);
    for (const code of CODES) expect(codeOfTerms(codeTerms(code))).toBe(code);
  });

  it("flip back to themselves, and a term flip changes one term", () => {
    for (const code of CODES) {
      expect(fullFlip(fullFlip(code))).toBe(code);
      const terms = codeTerms(code);
      expect(termFlips(code)).toHaveLength(terms.length);
      termFlips(code).forEach((flipped, index) => {
        const expected = terms.map((term, i) => (i === index ? opposite(term) : term));
        expect([...codeTerms(flipped)].sort()).toEqual([...expected].sort());
      });
      expect(flips(code)).not.toContain(code);
      expect(flips(code)).toHaveLength(terms.length === 1 ? 1 : terms.length + 1);
    }
  });

  it("of (B, A) are the full flip of (A, B), away from boundaries", () => {
    fc.assert(
      fc.property(offset, (d) => {
        fc.pre(boundaryMargin(d) > 1e-6);
        const back = { right: -d.right, up: -d.up, toward: -d.toward };
        expect(relation(back)).toBe(fullFlip(relation(d)));
      }),
    );
  });

  it("do not change when an offset moves by less than its margin", () => {
    fc.assert(
      fc.property(offset, fc.double({ min: -1, max: 1, noNaN: true }), (d, turn) => {
        const margin = boundaryMargin(d);
        fc.pre(margin > 0.01 && Math.hypot(d.right, d.toward) > 1e-3);
        const angle = (turn * margin * 0.99 * Math.PI) / 180;
        const turned = {
          up: d.up,
          right: d.right * Math.cos(angle) - d.toward * Math.sin(angle),
          toward: d.right * Math.sin(angle) + d.toward * Math.cos(angle),
        };
        expect(relation(turned)).toBe(relation(d));
      }),
    );
  });

  it("follow the camera, not the world", () => {
    const front = axesOfCamera([0, 1, 3], [0, 0, 0]);
    const back = axesOfCamera([0, 1, -3], [0, 0, 0]);
    const a = [0, 0, 0];
    const b = [1, 0, 0];
    expect(codeTerms(relation(cameraOffset(a, b, front)))).toEqual(["left"]);
    expect(codeTerms(relation(cameraOffset(a, b, back)))).toEqual(["right"]);
    expect(() => axesOfCamera([0, 3, 0], [0, 0, 0])).toThrow(/straight down/);
  });
});
