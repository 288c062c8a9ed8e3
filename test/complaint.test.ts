import { describe, expect, it } from "vitest";
import { z } from "zod";
import { describeComplaint } from "../trainer/complaint.js";

const size = z.union([z.number().int(), z.object({ height: z.number(), width: z.number() })]);

describe("what is wrong with a value", () => {
  it.each<[z.ZodType, unknown, string]>([
    [z.string(), 5, "the whole: takes a text, not 5"],
    [
      z.object({ a: z.array(z.object({ b: z.number() })) }),
      { a: [{ b: 1 }, { b: "x" }] },
      'a[1].b: takes a number, not "x"',
    ],
    [z.object({ a: z.string() }), {}, "a: is missing: takes a text"],
    [z.union([z.literal(0), z.literal(1), z.boolean()]), "1", 'the whole: takes 0, 1, true or false, not "1"'],
    [z.enum(["a", "b"]), "c", 'the whole: takes "a" or "b", not "c"'],
    [size, "8", 'the whole: takes a number or a map, not "8"'],
    [size, { height: 8, width: "9" }, 'width: takes a number, not "9"'],
    [size, { height: 8 }, "width: is missing: takes a number"],
    [z.null(), [1], "the whole: takes null, not [1]"],
    [z.string().min(1), "", 'the whole: takes a text that is not empty, not ""'],
    [z.array(z.string()).min(2), ["b"], 'the whole: takes a list of at least 2 entries, not ["b"]'],
    [z.number().positive(), 0, "the whole: takes a number of more than 0, not 0"],
    [z.number().int(), 0.5, "the whole: takes a whole number, not 0.5"],
    [z.number().max(3), 4, "the whole: takes a number of at most 3, not 4"],
    [z.record(z.string(), z.boolean()), { a: "yes" }, 'a: takes true or false, not "yes"'],
    [z.object({ a: z.number() }).strict(), { a: 1, b: 2 }, 'the whole: has the unknown key "b": leave it out'],
    [z.string().refine(() => false, "names no slot"), "x", "the whole: names no slot"],
    [z.tuple([z.number(), z.string()]), [1, 2], "[1]: takes a text, not 2"],
    [z.literal(1), "x".repeat(100), `the whole: takes 1, not "${"x".repeat(56)}…`],
  ])("is said in words: %#", (schema, value, words) => {
    const parsed = schema.safeParse(value);
    expect(parsed.success ? "" : describeComplaint(parsed.error, value)).toBe(words);
  });
});
