/** @file One exported sample: its columns, and how they follow from a line of samples/NNNN.jsonl or from a question of the test set. */
import { at } from "../at.js";
import type { World } from "../environments/served-world.js";
import { InputError } from "../errors.js";
import type { Question } from "../evaluation/questions.js";
import { caption, codeTerms, fill, flips, type RelationCode, relationPhrase } from "../language/index.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { SampleCaption, SampleLine } from "../run-format/columns.js";
import type { Box } from "./boxes.js";

export const SPLITS = ["train", "validation", "test"] as const;
export type Split = (typeof SPLITS)[number];

export interface ExportedObject {
  readonly name: string;
  /** x, y, z of the centre of its base in the room, in mm. */
  readonly position: readonly number[];
  readonly box: Box | null;
}

/** A pair of the picture's objects that may be asked about. */
export interface ExportedPair {
  readonly first: string;
  readonly second: string;
  /** Their indices among `objects`; of a picture whose state is not known, none. */
  readonly objects: readonly number[];
  /** Of the first and the second object; none where the state is not known. */
  readonly boxes: readonly (Box | null)[];
  /** "above and to the left of". */
  readonly relation: string;
  readonly terms: readonly string[];
  readonly caption: string;
  /** The full flip first, then those of one term. */
  readonly wrong_captions: readonly string[];
  readonly question: string;
  readonly answer: string;
  readonly wrong_answers: readonly string[];
  /** The text that the model preferred, in the run's own words; null on the test set. */
  readonly preferred: string | null;
  /** Of the right text among all asked (softmax); null on the test set. */
  readonly probability: number | null;
  /** What a model that answers said by itself. */
  readonly said: string | null;
  /** Degrees to the nearest boundary between relations; null where the state is not known. */
  readonly margin: number | null;
}

/** A line of the jsonl format; the other formats are made of it. Columns are named for readers in Python. */
export interface Row {
  /** Letters, digits, "-" and "_": the picture's name too. */
  readonly id: string;
  readonly split: Split;
  /** "" on the test set, which runs share. */
  readonly run: string;
  /** Of the run, or of the test set. */
  readonly seed: number;
  readonly world: string;
  /** null where the state is not known. */
  readonly scene: string | null;
  /** From 1; 0 on the test set. */
  readonly iteration: number;
  readonly episode: number | null;
  readonly step: number | null;
  /** Pixels a side: pictures are square. */
  readonly size: number;
  /** S of the sample, 1 to 5; null where nothing about the moved object was asked, and on the test set. */
  readonly score: number | null;
  readonly hardness: number | null;
  /** Whether the model was fine-tuned on it. */
  readonly tuned_on: boolean;
  /** Index of the object that the agent placed. */
  readonly moved: number | null;
  readonly objects: readonly ExportedObject[];
  readonly pairs: readonly ExportedPair[];
}

/** Templates for question and answer in place of the run's own. */
export interface Wording {
  readonly question: string | null;
  readonly answer: string | null;
}

/** Of models that rank captions: they were asked nothing. */
const QUESTION = "Where is the {a} relative to the {b}?";

/** A picture's state. */
export interface State {
  readonly scene: number;
  /** Int32 [A, 5], as the environment's observation. */
  readonly objects: Int32Array;
}

export const stateOf = ({ scene, objects }: Pick<SampleLine, "scene" | "objects">): State => ({
  scene,
  objects: Int32Array.from(objects.flat()),
});

/** Where a row belongs, and what its picture shows. */
export interface Placed {
  readonly id: string;
  readonly split: Split;
  readonly size: number;
  /** Of the objects by slot; null where the picture was not drawn here. */
  readonly boxes: readonly (Box | null)[] | null;
}

const objectsOf = (world: World, { objects }: State, { boxes }: Placed): ExportedObject[] =>
  Array.from({ length: objects.length / OBJECT_FIELDS }, (_, slot) => ({
    name: world.name(at(objects, slot * OBJECT_FIELDS)),
    position: Array.from(objects.subarray(slot * OBJECT_FIELDS + 1, slot * OBJECT_FIELDS + 4)),
    box: boxes === null ? null : (boxes[slot] ?? null),
  }));

/** What is said of a pair, right and wrong. */
type Texts = Pick<
  ExportedPair,
  "relation" | "terms" | "caption" | "wrong_captions" | "question" | "answer" | "wrong_answers"
>;

/** The run's own words where there are some; `where` is for messages. */
function textsOf(
  { question, answer }: Wording,
  [a, b]: readonly [string, string],
  code: RelationCode,
  asked: Pick<SampleCaption, "prompt" | "right"> | null,
  where: string,
): Texts {
  const relation = relationPhrase(code);
  const ranks = asked !== null && asked.prompt === undefined;
  const right = ranks ? asked.right : caption(a, b, code);
  const said = answer === null ? (asked?.right ?? right) : fill(answer, { a, b, relation });
  // A sentence with another relation in its place: whatever the template was, the rest of the text is the same.
  const instead = (text: string): string[] => {
    if (text.includes(relation)) return flips(code).map((other) => text.replace(relation, () => relationPhrase(other)));
    throw new InputError(
      `${where}: says ${JSON.stringify(text)} where the state says "${relation}"; the file was changed, or another version of rls3 made it`,
    );
  };
  return {
    relation,
    terms: codeTerms(code),
    caption: right,
    wrong_captions: instead(right),
    question: question === null && asked?.prompt !== undefined ? asked.prompt : fill(question ?? QUESTION, { a, b }),
    answer: said,
    wrong_answers: instead(said),
  };
}

/** The run that samples are of. */
export interface SampledRun {
  readonly name: string;
  readonly seed: number;
  readonly world: World;
}

/**
 * The row of a valid sample.
 * @throws InputError for a line whose words are not those of its state
 */
export function sampleRow(
  run: SampledRun,
  iteration: number,
  line: SampleLine,
  placed: Placed,
  wording: Wording,
  where: string,
): Row {
  const { world } = run;
  const state = stateOf(line);
  const objects = objectsOf(world, state, placed);
  return {
    id: placed.id,
    split: placed.split,
    run: run.name,
    seed: run.seed,
    world: world.catalog.name,
    scene: at(world.catalog.scenes, line.scene).name,
    iteration,
    episode: line.episode,
    step: line.step,
    size: placed.size,
    score: line.score,
    hardness: line.hardness,
    tuned_on: line.kept,
    moved: line.slot,
    objects,
    pairs: line.captions.map((asked) => {
      const { slots } = asked;
      if (slots === undefined) throw new InputError(`${where}: does not say which pair a caption is of`);
      const [first, second] = [at(objects, slots[0]), at(objects, slots[1])];
      const { code } = world.relation(state.scene, state.objects, ...slots);
      return {
        first: first.name,
        second: second.name,
        objects: slots,
        boxes: [first.box, second.box],
        ...textsOf(wording, [first.name, second.name], code, asked, where),
        preferred: asked.answer ?? asked.right,
        probability: asked.probability,
        said: asked.said ?? null,
        margin: asked.margin,
      };
    }),
  };
}

/** The test set that a question is of. */
export interface TestedWorld {
  readonly world: World;
  readonly seed: number;
}

/** The row of a picture of the test set; `state` is null where it was not drawn here. */
export function testRow(
  { world, seed }: TestedWorld,
  state: State | null,
  questions: readonly Question[],
  placed: Placed,
  wording: Wording,
): Row {
  const objects = state === null ? [] : objectsOf(world, state, placed);
  const slotOf = (object: number): number => objects.findIndex(({ name }) => name === world.name(object));
  return {
    id: placed.id,
    split: placed.split,
    run: "",
    seed,
    world: world.catalog.name,
    scene: state === null ? null : at(world.catalog.scenes, state.scene).name,
    iteration: 0,
    episode: null,
    step: null,
    size: placed.size,
    score: null,
    hardness: null,
    tuned_on: false,
    moved: null,
    objects,
    pairs: questions.map(({ first, second, code }) => {
      const slots = state === null ? null : ([slotOf(first), slotOf(second)] as const);
      return {
        first: world.name(first),
        second: world.name(second),
        objects: slots ?? [],
        boxes: slots === null ? [] : slots.map((slot) => at(objects, slot).box),
        ...textsOf(wording, [world.name(first), world.name(second)], code, null, "the test set"),
        preferred: null,
        probability: null,
        said: null,
        margin: state === null || slots === null ? null : world.relation(state.scene, state.objects, ...slots).margin,
      };
    }),
  };
}
