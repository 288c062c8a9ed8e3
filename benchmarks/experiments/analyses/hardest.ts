/**
 * @file What makes the hardest samples hard: the share of artefacts of the picture or of the question, compared with
 * all samples; and pictures of the rest.
 */

import { z } from "zod";
import { at } from "../../../trainer/at.js";
import { count, percent, plural, points, probability } from "../../../trainer/report/format.js";
import { askedPairs } from "../../../trainer/report/world.js";
import { type Catalog, loadCatalog, render } from "../../../trainer/rooms/index.js";
import type { SampleCaption, SampleLine } from "../../../trainer/run-format/columns.js";
import { readSamples } from "../../../trainer/run-format/readers.js";
import type { Cell } from "../cells.js";
import { difference, levelOf, type Measured } from "../measures.js";
import type { Outcome, Table } from "../outcome.js";
import { sheet } from "../sheet.js";
import type { Analysis, Context } from "./analysis.js";

/** The share of an iteration's valid samples that counts as hardest. */
const HARDEST = 0.05;
/** The size of the model's pictures. */
const SIZE = 64;
/**
 * An object counts as occluded if less than this share of its unoccluded pixels is visible, and as tiny below this many
 * pixels.
 */
const SEEN_BELOW = 0.6;
const PIXELS_BELOW = 12;
/** Degrees to the boundary at which the caption would change. */
const MARGIN_BELOW = 5;

const KINDS = ["occluded", "tiny", "boundary", "shared word"] as const;
type Kind = (typeof KINDS)[number];

interface Judged {
  readonly iteration: number;
  readonly sample: SampleLine;
  readonly hardest: boolean;
  readonly kinds: ReadonlySet<Kind>;
  /** The pair of the moved object on which the model did worst. */
  readonly worst: SampleCaption;
}

/** The moved object's pair with the lowest probability, and its two slots. */
function worstPair(sample: SampleLine): { caption: SampleCaption; slots: readonly [number, number] } | null {
  const moved = askedPairs(sample).flatMap(({ caption, slots }) =>
    slots?.includes(sample.slot) ? [{ caption, slots }] : [],
  );
  return moved.sort((a, b) => a.caption.probability - b.caption.probability)[0] ?? null;
}

function kindsOf(catalog: Catalog, sample: SampleLine, slots: readonly [number, number], margin: number): Set<Kind> {
  const { visiblePixels, totalPixels } = render(catalog, sample.scene, Int32Array.from(sample.objects.flat()), SIZE);
  const wordsOf = (slot: number): string[] => at(catalog.objects, at(at(sample.objects, slot), 0)).name.split(" ");
  const [first, second] = [wordsOf(slots[0]), wordsOf(slots[1])];
  const kinds = new Set<Kind>();
  for (const slot of slots) {
    const [seen, whole] = [at(visiblePixels, slot), at(totalPixels, slot)];
    if (seen < SEEN_BELOW * whole) kinds.add("occluded");
    if (seen < PIXELS_BELOW) kinds.add("tiny");
  }
  if (margin < MARGIN_BELOW) kinds.add("boundary");
  if (first.some((word) => second.includes(word))) kinds.add("shared word");
  return kinds;
}

async function judge(cell: Cell, catalog: Catalog): Promise<Judged[]> {
  const shards = await readSamples(cell.folder);
  return shards.flatMap(({ iteration, samples }) => {
    const order = [...samples.keys()].sort((a, b) => at(samples, b).hardness - at(samples, a).hardness || a - b);
    const hardest = new Set(order.slice(0, Math.max(1, Math.round(HARDEST * samples.length))));
    return samples.flatMap((sample, i) => {
      const worst = worstPair(sample);
      if (worst === null) return [];
      const { caption, slots } = worst;
      const kinds = kindsOf(catalog, sample, slots, caption.margin);
      return [{ iteration, sample, hardest: hardest.has(i), kinds, worst: caption }];
    });
  });
}

const SHOWN = 24;

const countsSchema = z.strictObject({
  samples: z.number().int(),
  /** In the order of KINDS; the last is any kind. */
  kinds: z.array(z.number().int()).length(KINDS.length + 1),
});
type Counts = z.infer<typeof countsSchema>;

const remainingSchema = z.strictObject({
  scene: z.number().int(),
  objects: z.array(z.array(z.number().int())),
  hardness: z.number(),
  right: z.string(),
  answer: z.string(),
  probability: z.number(),
});

const schema = z.strictObject({
  world: z.string(),
  iterations: z.array(z.strictObject({ iteration: z.number().int(), hardest: countsSchema, all: countsSchema })),
  /** Samples without an artefact, from the hardest of the run's last quarter. */
  remaining: z.array(remainingSchema),
});
type Taken = z.infer<typeof schema>;

async function take(cell: Cell): Promise<Taken> {
  const { world } = cell.configuration;
  const judged = await judge(cell, loadCatalog(world));
  const iterations = [...new Set(judged.map(({ iteration }) => iteration))].map((iteration) => {
    const samples = judged.filter((one) => one.iteration === iteration);
    return { iteration, hardest: counted(samples.filter((one) => one.hardest)), all: counted(samples) };
  });
  return { world, iterations, remaining: remainingOf(judged) };
}

const counted = (judged: readonly Judged[]): Counts => ({
  samples: judged.length,
  kinds: [
    ...KINDS.map((kind) => judged.filter(({ kinds }) => kinds.has(kind)).length),
    judged.filter(({ kinds }) => kinds.size > 0).length,
  ],
});

function remainingOf(judged: readonly Judged[]): z.infer<typeof remainingSchema>[] {
  const last = Math.max(...judged.map(({ iteration }) => iteration));
  return judged
    .filter(({ iteration, hardest, kinds }) => hardest && kinds.size === 0 && iteration > 0.75 * last)
    .sort((a, b) => b.sample.hardness - a.sample.hardness)
    .slice(0, SHOWN)
    .map(({ sample: { scene, objects, hardness }, worst: { right, answer, probability } }) => ({
      ...{ scene, objects: objects.map((row) => [...row]), hardness },
      ...{ right, answer: answer ?? right, probability },
    }));
}

type Iteration = Taken["iterations"][number];

function sharesOf(iterations: readonly Iteration[]) {
  const share = (of: "hardest" | "all", kind: number): number => {
    const sum = (value: (counts: Counts) => number): number =>
      iterations.reduce((before, iteration) => before + value(iteration[of]), 0);
    return (
      sum(({ kinds }) => at(kinds, kind)) /
      Math.max(
        1,
        sum(({ samples }) => samples),
      )
    );
  };
  return [...KINDS, "any of these"].map((kind, i) => ({ kind, hardest: share("hardest", i), all: share("all", i) }));
}

type Shares = ReturnType<typeof sharesOf>;

const ratio = (a: number, b: number): string => (b === 0 ? "–" : (a / b).toFixed(2));

const kindTable = (arms: ReadonlyMap<string, Shares>): Table => ({
  title: `The hardest ${percent(HARDEST, 0)} of each iteration's samples, and all of them`,
  head: ["the worst pair", ...[...arms.keys()].flatMap((arm) => [`${arm}: hard`, "all", "ratio"])],
  rows: [...KINDS, "any of these"].map((kind, i) => [
    kind,
    ...[...arms.values()].flatMap((shares) => {
      const { hardest, all } = at(shares, i);
      return [percent(hardest), percent(all), ratio(hardest, all)];
    }),
  ]),
});

/** Parts of the run, to see whether the agent moves to artefacts as the model improves. */
const PARTS = 4;

function partsTable(iterations: readonly Iteration[]): { table: Table; data: unknown } {
  const last = Math.max(...iterations.map(({ iteration }) => iteration));
  const parts = Math.min(PARTS, last);
  const found = Array.from({ length: parts }, (_, part) => {
    const [from, to] = [Math.floor((part * last) / parts) + 1, Math.floor(((part + 1) * last) / parts)];
    const inPart = iterations.filter(({ iteration }) => iteration >= from && iteration <= to);
    return { from, to, shares: sharesOf(inPart) };
  });
  const table: Table = {
    title: "RLS3 as it goes on: shares of its hardest samples",
    head: ["iterations", ...KINDS, "any", "any of all"],
    rows: found.map(({ from, to, shares }) => [
      `${from} to ${to}`,
      ...shares.map(({ hardest }) => percent(hardest, 0)),
      percent(shares.at(-1)?.all, 0),
    ]),
  };
  return { table, data: found };
}

const COLUMNS = 6;
const SHOWN_SIZE = 128;

async function remainingTable({ world, remaining }: Taken) {
  const catalog = loadCatalog(world);
  const pictures = remaining.map(({ scene, objects }) => {
    return render(catalog, scene, Int32Array.from(objects.flat()), SHOWN_SIZE).image;
  });
  const table: Table = {
    title: `What remains, as in the picture below: row by row, ${COLUMNS} a row`,
    head: ["pair", "true", "the model says", "p"],
    rows: remaining.map(({ right, answer, probability }, i) => {
      const { names, relation } = shortened(right);
      return [`${i + 1}. ${names}`, relation, shortened(answer).relation, probability.toFixed(2)];
    }),
  };
  return { table, picture: pictures.length === 0 ? null : await sheet(pictures, SHOWN_SIZE, COLUMNS) };
}

/** "The vase is below, in front of and to the left of the plate." as the two names and "below front left". */
function shortened(caption: string): { names: string; relation: string } {
  const [, first = "", relation = "", second = ""] = /^The (.*) is (.*) the ([^.]*)\.$/.exec(caption) ?? [];
  const terms = relation.replace(/\b(in|of|to|the|and)\b|,/g, " ").replace(/\s+/g, " ");
  return { names: `${first} – ${second}`, relation: terms.trim() };
}

async function outcome({ runs }: Context): Promise<Outcome> {
  const taken = runs.map((run) => ({ arm: armOf(run), ...schema.parse(run.measures) }));
  const ofArm = (arm: string): Iteration[] =>
    taken.filter((one) => one.arm === arm).flatMap(({ iterations }) => iterations);
  const arms = new Map([...new Set(taken.map(({ arm }) => arm))].map((arm) => [arm, sharesOf(ofArm(arm))]));
  const iterations = ofArm("rls3");
  const parts = partsTable(iterations);
  const first = taken.find(({ arm, iterations }) => arm === "rls3" && iterations.length > 0);
  const rest = await remainingTable(first ?? { world: "rooms", iterations: [], remaining: [] });
  const looked = (iterations: readonly Iteration[]): string =>
    count(iterations.reduce((sum, { all }) => sum + all.samples, 0));
  const any = arms.get("rls3")?.at(-1);
  const perSeed = taken.filter(({ arm }) => arm === "rls3").flatMap((run) => sharesOf(run.iterations).at(-1) ?? []);
  const tested = difference(perSeed.map(({ hardest, all }) => [hardest, all] as const));
  return {
    headline: `${percent(any?.hardest, 0)} of RLS3's hardest samples have an artefact, ${percent(any?.all, 0)} of all its samples (${points(tested.mean)}, ${probability(tested.p)} over ${plural(tested.pairs, "seed")})`,
    sentences: [`${looked(iterations)} samples of RLS3, ${looked(ofArm("random"))} of random sampling looked at`],
    tables: [kindTable(arms), parts.table, rest.table],
    data: { arms: Object.fromEntries(arms), tested, parts: parts.data },
    ...(rest.picture === null ? {} : { pictures: new Map([["remaining.png", rest.picture]]) }),
  };
}

const armOf = ({ cell }: Measured): string => levelOf(cell, "arm");

export const hardest: Analysis = { measures: { schema, take }, outcome };
