/**
 * @file One exported sample: its columns, computed from a line of samples/NNNN.jsonl or from a question of the test
 * set.
 */
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

/** An askable pair of the picture's objects. */
export interface ExportedPair {
  readonly first: string;
  readonly second: string;
  /** Their indices in `objects`; empty where the picture's state is unknown. */
  readonly objects: readonly number[];
  /** Of the first and the second object; empty where the state is unknown. */
  readonly boxes: readonly (Box | null)[];
  /** "above and to the left of". */
  readonly relation: string;
  readonly terms: readonly string[];
  readonly caption: string;
  /** The full flip first, then flips of one term. */
  readonly wrong_captions: readonly string[];
  readonly question: string;
  readonly answer: string;
  readonly wrong_answers: readonly string[];
  /** The text that the model preferred, in the run's own words; null in the test set. */
  readonly preferred: string | null;
  /** Of the right text among all candidates (softmax); null in the test set. */
  readonly probability: number | null;
  /** What a model that answers said by itself. */
  readonly said: string | null;
  /** Degrees to the nearest boundary between relations; null where the state is unknown. */
  readonly margin: number | null;
}

/** A line of the jsonl format; the other formats derive from it. Columns have names in Python's style. */
export interface Row {
  /** Letters, digits, "-" and "_"; also the picture's name. */
  readonly id: string;
  readonly split: Split;
  /** "" in the test set, which runs share. */
  readonly run: string;
  /** Of the run, or of the test set. */
  readonly seed: number;
  readonly world: string;
  /** null where the state is unknown. */
  readonly scene: string | null;
  /** From 1; 0 in the test set. */
  readonly iteration: number;
  readonly episode: number | null;
  readonly step: number | null;
  /** Side in pixels; pictures are square. */
  readonly size: number;
  /** S of the sample, 1 to 5; null in the test set, and where no pair of the moved object was askable. */
  readonly score: number | null;
  readonly hardness: number | null;
  /** Whether the model was fine-tuned on it. */
  readonly tuned_on: boolean;
  /** Index of the object that the agent placed. */
  readonly moved: number | null;
  readonly objects: readonly ExportedObject[];
  readonly pairs: readonly ExportedPair[];
}

/** Templates for question and answer that replace the run's own. */
export interface Wording {
  readonly question: string | null;
  readonly answer: string | null;
}

/** For models that rank captions: the run had no prompt. */
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

/** A row's run and place, and the boxes in its picture. */
export interface Placed {
  readonly id: string;
  readonly split: Split;
  readonly size: number;
  /** Boxes of the objects by slot; null where the picture was not drawn here. */
  readonly boxes: readonly (Box | null)[] | null;
}

const objectsOf = (world: World, { objects }: State, { boxes }: Placed): ExportedObject[] =>
  Array.from({ length: objects.length / OBJECT_FIELDS }, (_, slot) => ({
    name: world.name(at(objects, slot * OBJECT_FIELDS)),
    position: Array.from(objects.subarray(slot * OBJECT_FIELDS + 1, slot * OBJECT_FIELDS + 4)),
    box: boxes === null ? null : (boxes[slot] ?? null),
  }));

/** The texts about a pair, right and wrong. */
type Texts = Pick<
  ExportedPair,
  "relation" | "terms" | "caption" | "wrong_captions" | "question" | "answer" | "wrong_answers"
>;

/** Words that a run recorded about a pair. */
type Asked = Pick<SampleCaption, "prompt" | "right">;

/** The words of a plugin's vocabulary are not in the run's files, so their flips are unknown: these runs get English texts. */
const inKnownWords = (asked: Asked, code: RelationCode, hasPlugin: boolean): Asked | null =>
  hasPlugin && !asked.right.includes(relationPhrase(code)) ? null : asked;

/** The run's own words where there are some; `where` is for messages. */
function textsOf(
  { question, answer }: Wording,
  [a, b]: readonly [string, string],
  code: RelationCode,
  asked: Asked | null,
  where: string,
): Texts {
  const relation = relationPhrase(code);
  if (question === null && asked?.prompt?.includes("<image>")) {
    throw new InputError(
      `${where}: its prompt has a place for the picture (<image>), which other trainers set themselves; give the question without it, such as --question ${JSON.stringify(QUESTION)}`,
    );
  }
  const ranks = asked !== null && asked.prompt === undefined;
  const right = ranks ? asked.right : caption(a, b, code);
  // A template is filled again for each wrong answer: its own words may contain the relation, too.
  const inTemplate = (template: string, other: RelationCode): string =>
    fill(template, { a, b, relation: relationPhrase(other) });
  // In words that a run recorded the relation is replaced: its template is not known here.
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
    ...(answer === null
      ? { answer: asked?.right ?? right, wrong_answers: instead(asked?.right ?? right) }
      : { answer: inTemplate(answer, code), wrong_answers: flips(code).map((other) => inTemplate(answer, other)) }),
  };
}

/** The run of the samples. */
export interface SampledRun {
  readonly name: string;
  readonly seed: number;
  readonly world: World;
  readonly hasPlugin: boolean;
}

/**
 * The row of a valid sample.
 * @throws InputError for a line with words that do not match its state
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
        ...textsOf(wording, [first.name, second.name], code, inKnownWords(asked, code, run.hasPlugin), where),
        preferred: asked.answer ?? asked.right,
        probability: asked.probability,
        said: asked.said ?? null,
        margin: asked.margin,
      };
    }),
  };
}

/** The test set of a question. */
export interface TestedWorld {
  readonly world: World;
  readonly seed: number;
}

/** The row of a picture in the test set; `state` is null where it was not drawn here. */
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
