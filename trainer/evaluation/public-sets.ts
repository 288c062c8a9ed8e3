/**
 * @file Local copies of public test sets of spatial relations in photographs, in their authors' file formats. VSR (Liu
 * et al. 2023): one caption per line, true or false of its image. What'sUp (Kamath et al. 2023): captions of which the
 * first is true; or lists of an image number, a true and a false caption, for images of COCO and Visual Genome.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeComplaint } from "../complaint.js";
import { InputError } from "../errors.js";

/** One image and its captions. */
export interface PublicItem {
  readonly image: string;
  /** Other paths where the image may be: a bare number does not tell its collection. */
  readonly otherImages?: readonly string[];
  readonly relation: string;
  readonly captions: readonly string[];
  /** VSR: whether the one caption is true. What'sUp: null, since the first caption is the true one. */
  readonly label: boolean | null;
}

export interface PublicSet {
  readonly format: "vsr" | "whatsup";
  readonly items: readonly PublicItem[];
}

const vsrLine = z.looseObject({
  image: z.string().min(1),
  caption: z.string().min(1),
  label: z.union([z.literal(0), z.literal(1), z.boolean()]),
  relation: z.string().min(1),
});
const whatsUpItem = z.looseObject({
  image_path: z.string().min(1),
  caption_options: z.array(z.string().min(1)).min(2),
});
const caption = z.string().min(1);
/** An image number of COCO or Visual Genome, the true caption, the false one. */
const whatsUpList = z.tuple([z.union([z.number().int().nonnegative(), z.string().regex(/^\d+$/)]), caption, caption]);

/** What is wrong with an entry, and where. */
const complaint = (where: string, error: z.ZodError, entry: unknown): InputError =>
  new InputError(`${where}: ${describeComplaint(error, entry, "the entry")}`);

/** Reads a file of either format, which it detects from the content. */
export function readPublicSet(file: string): PublicSet {
  if (!existsSync(file)) throw new InputError(`--data ${file}: there is no such file`);
  if (statSync(file).isDirectory()) {
    throw new InputError(`--data ${file}: is a folder; name VSR's .jsonl file or What'sUp's .json file in it`);
  }
  const text = readFileSync(file, "utf8");
  const set = text.trimStart().startsWith("[") ? readWhatsUp(file, text) : readVsr(file, text);
  if (set.items.length === 0) throw new InputError(`--data ${file}: holds no entry`);
  return set;
}

function parseJson(where: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${where}: is not JSON (${why}); expected VSR's lines or What'sUp's array`);
  }
}

function readVsr(file: string, text: string): PublicSet {
  const items = text.split("\n").flatMap((line, index): PublicItem[] => {
    if (line.trim() === "") return [];
    const where = `--data ${file}, line ${index + 1}`;
    const entry = parseJson(where, line);
    const parsed = vsrLine.safeParse(entry);
    if (!parsed.success) throw complaint(where, parsed.error, entry);
    const { image, caption, label, relation } = parsed.data;
    return [{ image, relation, captions: [caption], label: Boolean(label) }];
  });
  return { format: "vsr", items };
}

function readWhatsUp(file: string, text: string): PublicSet {
  const entries = z.array(z.unknown()).parse(parseJson(`--data ${file}`, text));
  const items = entries.map((entry, index): PublicItem => {
    const where = `--data ${file}, entry ${index + 1}`;
    if (Array.isArray(entry)) {
      const list = whatsUpList.safeParse(entry);
      if (!list.success) throw complaint(where, list.error, entry);
      const [number, ...captions] = list.data;
      const [image = "", ...otherImages] = numberedImages(path.basename(file), `${number}`);
      return { image, otherImages, relation: distinguishing(captions), captions, label: null };
    }
    const parsed = whatsUpItem.safeParse(entry);
    if (!parsed.success) throw complaint(where, parsed.error, entry);
    const { image_path: image, caption_options: captions } = parsed.data;
    return { image, relation: distinguishing(captions), captions, label: null };
  });
  return { format: "whatsup", items };
}

/**
 * The paths that What'sUp's own loader uses. The file name tells the collection (coco_qa_…, vg_qa_…); with any other
 * name, it may be either.
 */
function numberedImages(file: string, number: string): string[] {
  const coco = `data/val2017/${number.padStart(12, "0")}.jpg`;
  const genome = `data/vg_images/${number}.jpg`;
  if (/coco/i.test(file)) return [coco];
  return /vg/i.test(file) ? [genome] : [coco, genome];
}

/**
 * The words of the first caption without the start and end that all captions share: "on" for "A mug on a table", "A mug
 * under a table".
 */
function distinguishing(captions: readonly string[]): string {
  const words = captions.map((caption) => caption.trim().replace(/\.$/, "").split(/\s+/));
  const [first = [], ...others] = words;
  const shared = (at: (list: readonly string[], i: number) => string | undefined): number => {
    let count = 0;
    while (count < first.length && others.every((list) => at(list, count) === at(first, count))) count += 1;
    return count;
  };
  const start = shared((list, i) => list[i]);
  const end = Math.min(
    shared((list, i) => list[list.length - 1 - i]),
    Math.max(0, Math.min(...words.map((list) => list.length)) - start),
  );
  return first.slice(start, first.length - end).join(" ") || first.join(" ");
}

/**
 * The path of each item's image; all must exist. What'sUp's paths begin with "data/", a folder that a copy may lack.
 */
export function findImages(set: PublicSet, folder: string): string[] {
  if (!existsSync(folder)) throw new InputError(`--images ${folder}: there is no such folder`);
  const found = new Map<string, string | undefined>();
  for (const { image, otherImages = [] } of set.items) {
    if (found.has(image)) continue;
    const places = [image, ...otherImages]
      .flatMap((name) => [name, name.replace(/^data\//, ""), path.basename(name)])
      .map((name) => path.join(folder, name));
    found.set(
      image,
      places.find((place) => existsSync(place)),
    );
  }
  const missing = [...found].filter(([, place]) => place === undefined).map(([image]) => image);
  if (missing.length > 0) {
    throw new InputError(
      `--images ${folder}: lacks ${missing.length} of ${found.size} images, such as ${missing[0]}; name the folder that holds them`,
    );
  }
  return set.items.map(({ image }) => found.get(image) ?? "");
}
