/** @file report.html: all that it must show is there, nothing from outside gets in unescaped or is fetched, equal folders give equal bytes. */
import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { Fragment, h } from "preact";
import { renderToString } from "preact-render-to-string";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LineFigure } from "../../trainer/report/charts/lines.js";
import { NUMBER } from "../../trainer/report/charts/quantities.js";
import { loadContents } from "../../trainer/report/html/contents.js";
import { pageOf, type Section } from "../../trainer/report/html/page.js";
import { renderReport, reportPage } from "../../trainer/report/html/report.js";
import { gallerySection } from "../../trainer/report/html/samples.js";
import { FIXTURE_ARMS, writeComparison, writeRun } from "./fixture.js";

let root: string;
let page: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "rls3-report-"));
  await writeComparison(path.join(root, "comparison"), { seeds: 3, iterations: 6 });
  await renderReport(path.join(root, "comparison"));
  page = plain(await readFile(path.join(root, "comparison", "report.html"), "utf8"));
});
afterAll(() => rm(root, { recursive: true }));

/** With spaces that may break a line: easier to write down. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");
const bodyOf = (section: Section | null): string => renderToString(h(Fragment, {}, section?.body));
const ids = (text: string) => [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);

describe("a page", () => {
  const page = { kind: "runs", kicker: "", header: null, sections: [], commit: "", machine: "" } as const;
  const NAMED: Readonly<Record<string, string>> = {
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&amp;": "&",
  };
  const decoded = (text: string) => text.replaceAll(/&(lt|gt|quot|#39|amp);/g, (name) => NAMED[name] ?? name);
  const sectionOf = (text: string) =>
    pageOf({ ...page, title: text, sections: [{ id: text, name: text, title: text, intro: text }] });

  it("escapes attributes, double quotes above all: their values are the text again, to the end", () => {
    const text = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1, unit: fc.constantFrom('"', "'", "<", ">", "&", "=", " ", "a") }),
    );
    fc.assert(
      fc.property(text, (text) => {
        const out = sectionOf(text);
        const [, id = "", label = ""] = /<section id="([^"]*)" aria-labelledby="([^"]*)">/.exec(out) ?? [];
        const [, target = ""] = /<li><a href="([^"]*)">/.exec(out) ?? [];
        expect([id, label, target].map(decoded)).toEqual([text, `${text}-title`, `#${text}`]);
      }),
    );
    expect(sectionOf('" onclick="a()')).not.toContain('" onclick="');
  });

  it("escapes whatever text is put in", () => {
    const shell = pageOf({ ...page, title: "" });
    fc.assert(
      fc.property(fc.string(), (text) => {
        const out = sectionOf(text);
        const tags = (of: string) => of.match(/</g)?.length ?? 0;
        // A section with its heading, its paragraph and its line in the list.
        expect(tags(out) - tags(shell)).toBe(10);
        expect(out.slice(out.indexOf("<main>"))).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});

describe("a chart", () => {
  it("has finite coordinates whatever finite points it gets, its title and its numbers as text", () => {
    const point = fc.record({
      x: fc.integer({ min: 0, max: 1e6 }),
      y: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    });
    const series = fc.array(fc.array(point, { maxLength: 4 }), { maxLength: 3 });
    fc.assert(
      fc.property(series, (all) => {
        const lines = all.map((points, colour) => ({ name: `s${colour}`, colour, points }));
        const chart = { title: "Made up", xLabel: "x", x: NUMBER, y: NUMBER, lines };
        const text = renderToString(h(LineFigure, { chart }));
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
        expect(text).toMatch(/<svg role="img" aria-label="Made up, over x: [^"]*"/);
        const drawn = [...text.matchAll(/data-y="([^"]+)"/g)].map(([, y]) => Number(y));
        const ends = lines.flatMap(({ points }) => points.at(-1)?.y ?? []);
        expect(drawn.length).toBe(ends.length);
        for (const [i, y] of drawn.entries())
          expect(Math.abs(y - (ends[i] ?? 0))).toBeLessThanOrEqual(1e-9 * Math.abs(y));
      }),
    );
  });
});

describe("the gallery", () => {
  it("shows the room drawn again beside what the model saw, where it can be drawn", () => {
    const sample = { episode: 0, step: 0, scene: 0, objects: [], slot: 0, score: 2, hardness: 0.5, kept: true };
    const item = { iteration: 1, sample: { ...sample, captions: [] }, seen: Buffer.from("small") };
    const arm = { name: "rls3", colour: 0, runs: [], shards: [] };
    const sources = (drawn: Buffer | null): unknown[] =>
      [...bodyOf(gallerySection([{ ...item, drawn }], arm, null)).matchAll(/src="data:image\/(\w+);/g)].map(
        ([, type]) => type,
      );
    expect(sources(Buffer.from("large"))).toEqual(["webp", "png"]);
    expect(sources(null)).toEqual(["png"]);
  });

  it("shows what a model that answers was asked and what it said, escaped", () => {
    const captions = [{ prompt: "where is the vase?", right: "above", said: "on <b>", probability: 0.5, margin: 9 }];
    const ranked = [{ right: "The vase is above the plate.", probability: 0.5, margin: 9 }];
    const sample = { episode: 0, step: 0, scene: 0, objects: [], slot: 0, score: 2, hardness: 0.5, kept: true };
    const arm = { name: "rls3", colour: 0, runs: [], shards: [] };
    const shown = (own: typeof captions | typeof ranked): string =>
      bodyOf(
        gallerySection(
          [{ iteration: 1, sample: { ...sample, captions: own }, seen: Buffer.of(), drawn: null }],
          arm,
          null,
        ),
      );
    expect(shown(captions)).toContain("<dt>Where is the vase?<br/>Above</dt>");
    expect(shown(captions)).toContain(`<span class="right">✓ Right one likeliest.</span> It said “on &lt;b>”.<br/>`);
    expect(shown(ranked)).toContain("<dt>The vase is above the plate.</dt>");
    expect(shown(ranked)).toContain(`<span class="right">✓ Right.</span><br/>Probability 50\u00a0%, margin 9°.`);
  });
});

describe("the report of a comparison", () => {
  it("says first whether it was better, by how much and with which statistics, and that 3 seeds are few", () => {
    const headline = /<h1>([^<]*)<\/h1>/.exec(page)?.[1];
    expect(headline).toContain(
      "RLS3 has higher one-term accuracy than random sampling, per generated and per valid sample",
    );
    expect(headline).toContain("only 3 seeds: too few for a claim");
    expect(page).toMatch(/paired t-test p [=&][^;]*; RLS3 ahead in 3 of 3 seeds/);
  });

  it.each([
    ["curves", "Over generated samples"],
    ["curves", "Over valid samples"],
    ["statistics", "95 % interval"],
    ["terms", "pairs with it"],
    ["validity", "Invalid: overlaps furniture"],
    ["rewards", "Reward for difficulty, per valid sample"],
    ["gallery", "margin 22°"],
    ["gallery", "Wrong: preferred “left”</span>, not “right”."],
    ["map", "camera at the bottom"],
    ["paper", "about 84 % and 50 %"],
    ["iterations", "natural, one term"],
    ["signatures", "None was seen"],
    ["configuration", "no machine: made-up numbers for a test"],
  ])("has a section %s with %j", (id, text) => {
    const start = page.indexOf(`<section id="${id}"`);
    expect(start).toBeGreaterThan(0);
    expect(page.slice(start).split("<section id=", 2)[1]).toContain(text);
  });

  it("says beside each figure over generated samples how many feasibility steps there were", () => {
    const figures = page
      .split("<figure")
      .map((part) => part.slice(0, part.indexOf("</figure>")))
      .filter((part) => part.includes("Over generated samples"));
    expect(figures.length).toBeGreaterThanOrEqual(2);
    for (const figure of figures) {
      expect(figure).toContain("(no images, no model): RLS3 80,000, random sampling none.");
    }
  });

  it("does not draw as a curve, nor interpolate, what was evaluated at the two ends only", () => {
    const curves = page.slice(page.indexOf('<section id="curves"'), page.indexOf('<section id="statistics"'));
    expect(curves).not.toContain("<h3>Natural mix");
    expect(curves.slice(curves.indexOf("Measured too seldom for a curve"))).toContain("Natural mix, one term flipped");
    const statistics = page.slice(page.indexOf('<section id="statistics"'), page.indexOf('<section id="terms"'));
    const [, generated = "", valid = ""] = statistics.split('<p class="caption">Accuracy at ');
    expect(generated).not.toContain('scope="row">natural');
    expect(valid).toContain('scope="row">natural');
  });

  it("is one file: no script, no link to elsewhere, and a policy that forbids both", () => {
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|@import|url\(/);
    const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target);
    expect(sources.filter((target) => !/^(#|data:)/.test(target ?? ""))).toEqual([]);
    expect(page).toContain("default-src 'none'");
  });

  it("is at most 1.3 times as large as the same page at commit 82b8e34, which had 137,466 bytes", async () => {
    const { size } = await stat(path.join(root, "comparison", "report.html"));
    expect(size).toBeLessThanOrEqual(1.3 * 137_466);
  });

  it("escapes what comes from files", () => {
    expect(page).not.toContain("<b>not escaped?</b>");
    expect(page).toContain("&lt;b>not escaped?&lt;/b>");
    expect(page).toContain("left of the &lt;plate>.");
    expect(page).toContain("--made-up '&lt;fixture>'");
  });

  it("has unique ids, and links that lead somewhere", () => {
    const all = ids(page);
    expect(new Set(all).size).toBe(all.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(all).toContain(target);
  });

  it("shows no number that is none", () => {
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it("is equal, byte for byte, for an equal folder elsewhere", async () => {
    const copy = path.join(root, "elsewhere");
    await cp(path.join(root, "comparison"), copy, { recursive: true });
    await rm(path.join(copy, "report.html"));
    await renderReport(copy);
    expect(plain(await readFile(path.join(copy, "report.html"), "utf8"))).toBe(page);
  });
});

describe("the report of one run", () => {
  it("says where it began and ended, claims nothing, and names the failure signatures that its log has", async () => {
    const folder = path.join(root, "single");
    const [arm] = FIXTURE_ARMS;
    if (arm === undefined) throw new Error("the fixture has no arm");
    await writeRun(folder, arm, 4, 5);
    const signature = "loss spike: the fine-tuning loss went from 1 to 3; remedy: raise --E";
    await writeFile(
      path.join(folder, "log.jsonl"),
      `${JSON.stringify({ level: 40, msg: signature })}\nnot JSON\n{"cut": \n`,
    );
    const run = plain(reportPage(await loadContents(folder)));
    expect(run).toMatch(/<h1>RLS3 took one-term accuracy from 50\.0 % to [\d.]+ % with 3,200 valid samples\.<\/h1>/);
    expect(run).toContain("this says nothing about whether it is better than another");
    expect(run).toContain(signature);
    expect(run).not.toContain('<section id="statistics"');
  });

  it("names a signature once an iteration, though a run that was killed has said it again", async () => {
    const folder = path.join(root, "killed");
    const [arm] = FIXTURE_ARMS;
    if (arm === undefined) throw new Error("the fixture has no arm");
    await writeRun(folder, arm, 4, 5);
    const signature = "loss spike: the fine-tuning loss went from 1 to 3; remedy: raise --E";
    const lines = [1, 2, 2, 3, 2].map((iteration) => JSON.stringify({ level: 40, iteration, signature }));
    await writeFile(path.join(folder, "log.jsonl"), lines.join("\n"));
    const run = plain(reportPage(await loadContents(folder)));
    expect(run.split(signature)).toHaveLength(1 + 3);
  });

  it("can be made when no iteration is done yet", async () => {
    const folder = path.join(root, "young");
    const [arm] = FIXTURE_ARMS;
    if (arm === undefined) throw new Error("the fixture has no arm");
    await writeRun(folder, arm, 4, 0);
    const young = reportPage(await loadContents(folder));
    expect(young).toContain("no iteration is done yet");
    expect(young).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("is refused for a folder that is no run, with what to do", async () => {
    await expect(renderReport(path.join(root, "comparison", "rls3-1000", "samples"))).rejects.toThrow(
      "name the folder that --out named",
    );
  });
});
