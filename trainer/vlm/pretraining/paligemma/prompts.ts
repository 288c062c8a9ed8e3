/**
 * @file The small PaliGemma's pre-training prompts. Its answers about objects and positions are true; answers about
 * relations are random, so that it learns how to answer and nothing about the answer.
 */
import { at } from "../../../at.js";
import { askedPair, CODES, fill, type Phrasing } from "../../../language/index.js";
import type { Random } from "../../../random/random.js";
import { plainCaption } from "../captions.js";
import { type LabelledImages, objectsIn } from "../labelled.js";
import { vocabularyWords } from "../words.js";
import { location } from "./tokenizer-file.js";

const PROMPT_WORDS =
  "answer en caption detect list depth height describe there it true that yes no The A a an photo relative with ? , ; : ! ' \" -".split(
    " ",
  );

/** Gemma's tokens distinguish upper and lower case: names are included as they are, too. */
export const wordsFor = (names: readonly string[]): string[] =>
  vocabularyWords([...PROMPT_WORDS, ...names.flatMap((name) => name.split(/\s+/))], names);

export interface Example {
  readonly prompt: string;
  readonly answer: string;
}

/** A question about a pair of objects, by their indices in `types`. */
export interface PairExample extends Example {
  readonly objects: readonly [number, number];
  /** The prompt up to the end of each name. */
  readonly upTo: readonly [string, string];
}

/** A prompt up to the end of a filled placeholder of its template. */
export function upToName(template: string, place: "{a}" | "{b}", names: Readonly<Record<"a" | "b", string>>): string {
  return fill(template.slice(0, template.indexOf(place) + place.length), names);
}

/** Share of the facts that are about where objects are and what one is called; the rest is of the other kinds. */
const DETECTED_SHARE = 0.4;
const NAMED_SHARE = 0.3;
/** Standard deviations of depth or height that the location tokens span. */
const SPAN = 4;

/** Draws examples about pictures; `standard` holds the standardized coordinates of its data. */
export class Examples {
  constructor(
    private readonly data: LabelledImages,
    private readonly standard: Float32Array,
    private readonly phrasing: Phrasing,
  ) {}

  private name(type: number): string {
    return at(this.data.names, type);
  }

  /** Two objects of a picture in a random order, and a relation drawn at random. */
  relation(image: number, random: Random): PairExample {
    const objects = objectsIn(this.data, image);
    const [first, second] = Array.from(random.permutation(objects.length).subarray(0, 2), (i) => at(objects, i));
    if (first === undefined || second === undefined) throw new RangeError(`picture ${image} has no two objects`);
    const [a, b] = [this.name(first.type), this.name(second.type)];
    const { prompt = "", right } = askedPair(this.phrasing, a, b, at(CODES, random.below(CODES.length)), []);
    const template = this.phrasing.prompt ?? "";
    return {
      prompt,
      answer: right,
      objects: [first.object, second.object],
      upTo: [upToName(template, "{a}", { a, b }), upToName(template, "{b}", { a, b })],
    };
  }

  /** A true fact about the picture. */
  fact(image: number, random: Random): Example {
    const kind = random.float();
    if (kind < DETECTED_SHARE) return this.detected(image, random);
    const objects = objectsIn(this.data, image);
    const { object, type } = at(objects, random.below(objects.length));
    const name = this.name(type);
    if (kind < DETECTED_SHARE + NAMED_SHARE) {
      return { prompt: this.phrasing.describe ?? "", answer: plainCaption(name) };
    }
    const along = (axis: number): string => location((this.standard[object * 3 + axis] ?? 0) / SPAN + 0.5);
    const kinds: readonly (() => Example)[] = [
      () => ({ prompt: "list en", answer: this.shuffled(image, random).join(", ") }),
      () => this.present(image, random, name),
      () => ({ prompt: `depth ${name}`, answer: along(2) }),
      () => ({ prompt: `height ${name}`, answer: along(1) }),
    ];
    return at(kinds, random.below(kinds.length))();
  }

  private shuffled(image: number, random: Random): string[] {
    const objects = objectsIn(this.data, image);
    return Array.from(random.permutation(objects.length), (i) => this.name(at(objects, i).type));
  }

  /** One or two objects and their boxes, in PaliGemma's format. */
  private detected(image: number, random: Random): Example {
    const objects = objectsIn(this.data, image);
    const chosen = Array.from(random.permutation(objects.length).subarray(0, 1 + random.below(2)), (i) =>
      at(objects, i),
    );
    const { size, boxes } = this.data;
    const box = (object: number): string =>
      Array.from(boxes.subarray(object * 4, object * 4 + 4), (pixel) => location(pixel / size)).join("");
    return {
      prompt: `detect ${chosen.map(({ type }) => this.name(type)).join(" ; ")}`,
      answer: chosen.map(({ object, type }) => `${box(object)} ${this.name(type)}`).join(" ; "),
    };
  }

  private present(image: number, random: Random, name: string): Example {
    const types = objectsIn(this.data, image).map(({ type }) => type);
    const others = this.data.names.filter((_, type) => !types.includes(type));
    const isThere = others.length === 0 || random.float() < 0.5;
    const asked = isThere ? name : at(others, random.below(others.length));
    return { prompt: `answer en is there a ${asked}?`, answer: isThere ? "yes" : "no" };
  }

  /** Examples at least as long as any that can be drawn; `byLength` has the names with most tokens first. */
  longest(byLength: readonly string[]): readonly Example[] {
    const [a = "", b = a] = byLength;
    const box = location(0).repeat(4);
    return [
      ...CODES.map((code) => askedPair(this.phrasing, a, b, code, [])).map(({ prompt = "", right }) => ({
        prompt,
        answer: right,
      })),
      { prompt: `detect ${a} ; ${b}`, answer: `${box} ${a} ; ${box} ${b}` },
      { prompt: "list en", answer: byLength.slice(0, this.data.active).join(", ") },
      { prompt: this.phrasing.describe ?? "", answer: plainCaption(a) },
    ];
  }
}
