/** @file What passes a filter of samples, and where samples lie in the rooms. */
import { describe, expect, it } from "vitest";
import { inOrder, matching } from "../../../trainer/report/dashboard/sample-queries.js";
import { placements, SIDE, sampleEntry } from "../../../trainer/report/world.js";
import { type SampleLine, TERM_NAMES, type TermColumn } from "../../../trainer/run-format/columns.js";

const caption = (right: string, margin: number, answer?: string) => ({
  right,
  probability: answer === undefined ? 0.9 : 0.1,
  margin,
  ...(answer !== undefined && { answer }),
});

const sample = (over: Partial<SampleLine>): SampleLine => ({
  episode: 0,
  step: 0,
  scene: 0,
  objects: [
    [0, -900, 0, -900, 0],
    [1, 0, 400, 0, 0],
    [2, 899, 0, 999, 0],
  ],
  slot: 1,
  captions: [
    caption(
      "The vase is behind and to the left of the plate.",
      10,
      "The vase is behind and to the right of the plate.",
    ),
    caption("The vase is behind the bird.", 3),
    caption("The plate is above the bird.", 30),
  ],
  score: 2,
  hardness: 0.5,
  kept: true,
  ...over,
});

const here = { iteration: 1, sample: sample({}) };
const later = {
  iteration: 4,
  sample: sample({
    scene: 1,
    slot: 0,
    score: 4.5,
    hardness: 0.1,
    image: "0004/a.png",
    captions: [caption("The vase is in front of the plate.", 1)],
  }),
};
const all = [here, later];

describe("a filter", () => {
  it.each([
    ["nothing", {}, [here, later]],
    ["a scene", { scene: 1 }, [later]],
    ["a term", { term: "left" }, [here]],
    ["a term that only a wrong answer has", { term: "right" }, []],
    ["in front, which holds no other term's word", { term: "inFront" }, [later]],
    ["a term answered wrong", { term: "left", answered: "wrong" }, [here]],
    ["a term answered right, not another caption's answer", { term: "above", answered: "wrong" }, []],
    ["an answer", { answered: "right" }, [here, later]],
    ["a margin", { marginFrom: 20 }, [here]],
    ["a margin of the caption with the term", { term: "left", marginFrom: 20 }, []],
    ["a score", { scoreFrom: 1, scoreTo: 2 }, [here]],
    ["iterations", { from: 2, to: 4 }, [later]],
    ["a moved object", { object: 1 }, [here]],
    ["furniture", { surface: "furniture" }, [here]],
    ["the floor", { surface: "floor" }, [later]],
    ["pictures", { pictures: "1" }, [later]],
  ] as const)("by %s", (_name, filter, expected) => {
    expect(matching(all, filter)).toEqual(expected);
  });

  it("finds terms in answers that are nothing but the relation", () => {
    const words = { left: "to the left of", right: "to the right of", behind: "behind", inFront: "in front of" };
    const phrases: Readonly<Record<TermColumn, string>> = { ...words, above: "above", below: "below" };
    const all = TERM_NAMES.map((term, iteration) => {
      return { term, found: { iteration, sample: sample({ captions: [caption(phrases[term], 9)] }) } };
    });
    for (const { term, found } of all) {
      expect(
        matching(
          all.map((each) => each.found),
          { term },
        ),
      ).toEqual([found]);
    }
  });

  const unasked = { iteration: 2, sample: sample({ captions: [], score: null, hardness: 0 }) };

  it("that asks nothing of captions lets samples pass that were asked nothing, one that does leaves them out", () => {
    expect(matching([here, unasked], {})).toEqual([here, unasked]);
    expect(matching([here, unasked], { from: 1, to: 2 })).toEqual([here, unasked]);
    for (const filter of [{ term: "left" }, { answered: "right" }, { marginFrom: 0 }, { scoreFrom: 0 }] as const) {
      expect(matching([here, unasked], filter)).toEqual([here]);
    }
  });

  it("is followed by an order in which samples that were asked nothing come last", () => {
    for (const order of ["hardest", "score", "margin"] as const) {
      expect(inOrder([unasked, here, unasked, later], order).slice(2)).toEqual([unasked, unasked]);
    }
  });

  it("is followed by an order", () => {
    expect(inOrder([later, here], "hardest")).toEqual([here, later]);
    expect(inOrder([later, here], "score")).toEqual([here, later]);
    expect(inOrder([here, later], "margin")).toEqual([later, here]);
    expect(inOrder([here, later], "newest")).toEqual([later, here]);
  });
});

const world = {
  scenes: [0, 1].map((i) => ({ name: `room ${i}`, size: [2000, 1600, 2000] as const, furniture: [] })),
  objects: [{ name: "vase", size: [275, 375, 275] }],
};

describe("a map", () => {
  it("counts moved objects by cell, and the wrong answers to captions about them alone", () => {
    const [first, second] = placements(
      all.map(({ sample }) => sample),
      world,
    );
    // The second object was moved, and the second caption is of the first and the third.
    expect(first).toEqual({
      scene: 0,
      placed: 1,
      raised: 1,
      asked: 2,
      wrong: 1,
      cells: [[10 * SIDE + 10, 1, 2, 1]],
    });
    expect(second).toMatchObject({ scene: 1, placed: 1, raised: 0, asked: 1, wrong: 0, cells: [[SIDE + 1, 1, 1, 0]] });
  });

  it("leaves out of its cells what lies beyond the walls, but not out of its counts", () => {
    const outside = { iteration: 1, sample: sample({ objects: [[0, 5000, 0, 0, 0]], slot: 0 }) };
    expect(placements([outside.sample], world)[0]).toMatchObject({ placed: 1, cells: [] });
  });
});

it("a sample names its objects, and those that the catalog does not know by their number", () => {
  const { objects, image } = sampleEntry(here.iteration, here.sample, world);
  expect(objects.map(({ name }) => name)).toEqual(["vase", "object 1", "object 2"]);
  expect(image).toBeNull();
});
