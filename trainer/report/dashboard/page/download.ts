/** @file A chart as a file of the reader's: its points as CSV, its drawing as PNG. Nothing leaves the page. */
import { at } from "../../../at.js";
import type { LineChart } from "../../charts/lines.js";
import { csvOf } from "../../charts/view.js";

const nameOf = ({ title, xLabel }: LineChart): string => `${title} over ${xLabel}`.replaceAll(/[^\w-]+/g, "-");

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const saveCsv = (chart: LineChart): void =>
  save(new Blob([csvOf(chart)], { type: "text/csv" }), `${nameOf(chart)}.csv`);

/** What the style sheet says of a mark: a picture has no style sheet. */
const PAINT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray"];
const TEXT = ["font-size", "font-family", "font-weight"];

function standalone(svg: SVGSVGElement, width: number, height: number): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const copies = [...copy.querySelectorAll("*")];
  for (const [i, mark] of [...svg.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(mark);
    for (const name of [...PAINT, ...TEXT]) at(copies, i).setAttribute(name, style.getPropertyValue(name));
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  return new XMLSerializer().serializeToString(copy);
}

const SCALE = 2;
const MARGIN = 12;
const ROW = 18;

/** The drawing with its title above and the key of its lines below. */
export async function savePng(chart: LineChart, svg: SVGSVGElement): Promise<void> {
  const { width, height } = svg.viewBox.baseVal;
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg, width, height))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * (width + 2 * MARGIN);
  canvas.height = SCALE * (height + 2 * MARGIN + ROW * (1 + chart.lines.length));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser draws no pictures");
  const style = getComputedStyle(svg.closest(".chart") ?? svg);
  context.scale(SCALE, SCALE);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.color;
  context.font = `600 14px ${style.fontFamily}`;
  context.fillText(chart.title, MARGIN, MARGIN + 12);
  context.drawImage(picture, MARGIN, MARGIN + ROW, width, height);
  context.font = `12px ${style.fontFamily}`;
  context.lineWidth = 2.4;
  for (const [i, mark] of [...svg.querySelectorAll("g[data-line]")].entries()) {
    const y = MARGIN + height + ROW * (i + 1.5);
    const line = getComputedStyle(mark.querySelector(".line") ?? mark);
    context.strokeStyle = line.stroke;
    context.setLineDash((line.strokeDasharray.match(/[\d.]+/g) ?? []).map(Number));
    context.beginPath();
    context.moveTo(MARGIN, y);
    context.lineTo(MARGIN + 28, y);
    context.stroke();
    context.fillText(mark.getAttribute("data-line") ?? "", MARGIN + 36, y + 4);
  }
  canvas.toBlob((blob) => {
    if (blob !== null) save(blob, `${nameOf(chart)}.png`);
  });
}
