/**
 * @file Which of a world's objects a model can name, tested on the world's own pictures. A model that has never seen
 * the objects learns no relation between them; without this check, a run would train at chance in silence.
 */
import { at } from "../at.js";
import { type Drawing, uniformActions, wander } from "../environments/wander.js";
import { mean } from "../mean.js";
import { Random } from "../random/random.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import type { CaptionSet, VisionLanguageModel } from "../vlm/model.js";
import { stack } from "./questions.js";

/** A picture, and the catalog indices of the objects in it. */
export interface NamedPicture {
  readonly image: Uint8Array;
  readonly objects: ReadonlySet<number>;
}

export interface Named {
  readonly name: string;
  /**
   * How often the name fits a picture with the object better than one without it (area under the ROC curve). Chance is
   * .5, however likely the model finds the word itself.
   */
  readonly ranking: number;
  /**
   * Whether the ranking is far above chance, and not by luck: p < .05, one-sided (Mann–Whitney, normal approximation).
   */
  readonly isKnown: boolean;
}

/** Enough for an object that is in a tenth of them: known names rank near 1, others between .3 and .7. */
const NAMING_PICTURES = 48;
/** Even random weights tell some objects apart a little. */
const KNOWN_FROM = 0.7;

/** Fewer pictures with the object, or without it, say nothing. */
const FEWEST = 5;
const Z_05 = 1.645;

/** Pictures of random valid placements. */
export async function drawNamedPictures(draw: Drawing, seed: number, count = NAMING_PICTURES): Promise<NamedPicture[]> {
  const pictures: NamedPicture[] = [];
  draw.progress.begin("pictures for names", count, "images");
  await wander(draw, Random.stream(seed, "naming"), uniformActions, async (round) => {
    const valid = round.filter(({ after }) => after.reason === 0).slice(0, count - pictures.length);
    if (valid.length === 0) return true;
    const images = await draw.environments.images(valid.map(({ env }) => env));
    valid.forEach(({ after }, i) => {
      const image = images[i];
      if (image == null) return;
      const objects = new Set(after.objects.filter((_, field) => field % OBJECT_FIELDS === 0));
      pictures.push({ image, objects });
    });
    draw.progress.advance(pictures.length);
    return pictures.length < count;
  });
  draw.progress.end();
  return pictures;
}

/** Ranks each object that enough pictures have, and enough lack. */
export async function namesKnown(
  model: VisionLanguageModel,
  names: readonly string[],
  pictures: readonly NamedPicture[],
): Promise<Named[]> {
  const [right = "", ...wrong] = names.map((name) => `a photo of the ${name}`);
  const asked: CaptionSet[] = [{ right, wrong }];
  const scored = await model.score(
    stack(pictures.map(({ image }) => image)),
    pictures.map(() => asked),
  );
  return names.flatMap((name, object): Named[] => {
    const [having, lacking]: [number[], number[]] = [[], []];
    pictures.forEach(({ objects }, i) => {
      const logits = at(at(scored, i), 0);
      // Subtract how well the picture fits names in general.
      (objects.has(object) ? having : lacking).push(at(logits, object) - mean([...logits]));
    });
    if (having.length < FEWEST || lacking.length < FEWEST) return [];
    const wins = having.flatMap((one) => lacking.map((other) => (one > other ? 1 : one === other ? 0.5 : 0)));
    const ranking = mean(wins);
    const pairs = having.length * lacking.length;
    const deviation = Math.sqrt((having.length + lacking.length + 1) / (12 * pairs));
    return [{ name, ranking, isKnown: ranking >= KNOWN_FROM && (ranking - 0.5) / deviation > Z_05 }];
  });
}

/** A model that cannot tell more than this share of the names does not suit a world. */
const MOST_UNKNOWN = 0.5;

/** A warning for the user before a run; null where the model knows most of the world's objects. */
export function namingWarning(named: readonly Named[], world: string): string | null {
  const unknown = named.filter(({ isKnown }) => !isKnown).map(({ name }) => name);
  if (named.length === 0 || unknown.length <= MOST_UNKNOWN * named.length) return null;
  const shown =
    unknown.length > 6 ? `${unknown.slice(0, 6).join(", ")} and ${unknown.length - 6} more` : unknown.join(", ");
  return (
    `the model cannot tell ${unknown.length} of the ${named.length} objects of the world ${world} in its pictures (${shown}): ` +
    `it will learn little about where they are; make one that knows them, rls3 vlm pretrain --world ${world}`
  );
}
