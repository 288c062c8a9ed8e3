/** @file The README's figure of the loop, for one scene, with the room as the environment draws it. */
import sharp from "sharp";
import { LocalRoom } from "../../trainer/cli/room-view.js";
import { loadCatalog } from "../../trainer/rooms/index.js";

const SEED = 13;
const SCENE = "2";
const DRAWN = 512;
const ROOM = 190;
const WIDTH = 960;
const HEIGHT = 400;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly lines: readonly string[];
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const textAt = (x: number, y: number, text: string, kind: string): string =>
  `<text x="${x}" y="${y}" class="${kind}">${escaped(text)}</text>`;

function boxOf({ x, y, width, height, title, lines }: Box): string {
  const words = lines.map((line, i) => textAt(x + 14, y + 48 + 19 * i, line, "line"));
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" class="box"/>`,
    textAt(x + 14, y + 25, title, "title"),
    ...words,
  ].join("\n");
}

const arrow = (path: string, x: number, y: number, label: string): string =>
  `<path d="${path}" class="arrow" marker-end="url(#head)"/>\n${textAt(x, y, label, "label")}`;

const STYLE = `text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .line { font-size: 13.5px } .label { font-size: 13px; fill: #57606a; text-anchor: middle }
.box { fill: #f6f8fa; stroke: #d0d7de; stroke-width: 1.5 } .arrow { fill: none; stroke: #0969da; stroke-width: 2.5 }`;

/** The figure as a stand-alone SVG with the picture inside. */
export async function loopFigure(): Promise<string> {
  const room = new LocalRoom(loadCatalog("rooms"));
  room.reset(SEED, SCENE);
  const png = await sharp(room.picture(DRAWN), { raw: { width: DRAWN, height: DRAWN, channels: 3 } })
    .resize(2 * ROOM, 2 * ROOM)
    .png({ palette: true })
    .toBuffer();
  const caption = room.view().captions.find((text) => /^The pitcher.*bowl/.test(text)) ?? "";
  const middle = caption.indexOf(" ", caption.length / 2);
  const boxes: readonly Box[] = [
    {
      x: 16,
      y: 60,
      width: 200,
      height: 112,
      title: "Agent",
      lines: ["places an object:", "which one, where,", "turned how far"],
    },
    { x: 300, y: 16, width: 250, height: 268, title: "Environment", lines: [] },
    {
      x: 634,
      y: 60,
      width: 310,
      height: 130,
      title: "Vision-language model",
      lines: [
        "Which caption does it prefer: the right one,",
        `“${caption.slice(0, middle)}`,
        `${caption.slice(middle + 1)}”`,
        "or one with a wrong term?",
      ],
    },
    {
      x: 16,
      y: 304,
      width: 534,
      height: 80,
      title: "Reward",
      lines: ["−1 for an invalid placement; +1 for a valid one, and more on top", "the less the model knows about it"],
    },
    { x: 744, y: 304, width: 200, height: 80, title: "Fine-tuning", lines: ["LoRA, on the scenes found"] },
  ];
  const arrows = [
    arrow("M 216 116 H 291", 256, 106, "action"),
    arrow("M 550 116 H 625", 590, 106, "picture"),
    arrow("M 425 284 V 296", 478, 299, "valid or not"),
    arrow("M 660 190 V 344 H 559", 606, 334, "its answer"),
    arrow("M 116 304 V 181", 144, 246, "learns"),
    arrow("M 796 190 V 295", 730, 248, "pictures, captions"),
    arrow("M 864 304 V 199", 908, 248, "better model"),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="The loop of RLS3">
<style>${STYLE}</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="7" refY="5" markerWidth="6" markerHeight="6" orient="auto-start-reverse"><path d="M 0 0 L 10 5 L 0 10 z" fill="#0969da"/></marker></defs>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${boxes.map(boxOf).join("\n")}
<image x="${300 + (250 - ROOM) / 2}" y="52" width="${ROOM}" height="${ROOM}" href="data:image/png;base64,${png.toString("base64")}"/>
${textAt(425, 266, "Is the placement valid?", "label")}
${arrows.join("\n")}
</svg>
`;
}
