/** @file The report's style sheet: light and dark by the reader's preference, two columns where there is room for them. */
import { PALETTE_STYLE } from "../charts/palette.js";
import { Markup } from "./markup.js";

export const STYLE = new Markup(`
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1c2024;--soft:#5a636e;--rule:#dfe2e6;--grid:#e9ebee;--accent:#0b5fc0;
--good:#0a6b3d;--bad:#a3261b;--wash:#f1f4f8;--wood:#b99a78}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e9ecef;--soft:#a3adb8;--rule:#343a41;--grid:#2a3036;--accent:#74b2ff;
--good:#6fdba3;--bad:#ff9389;--wash:#232930;--wood:#8a7154}}
${PALETTE_STYLE}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:1180px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
.kicker{color:var(--soft);margin:0 0 6px;font-size:.9rem;letter-spacing:.02em}
h1{font-size:clamp(1.5rem,1.1rem + 1.9vw,2.3rem);line-height:1.2;margin:0 0 .5em;letter-spacing:-.015em;max-width:26em}
h2{font-size:1.35rem;line-height:1.25;margin:0 0 .5em;letter-spacing:-.01em}
h3{font-size:1.05rem;margin:1.3em 0 .4em}figcaption h3{font-size:1rem;margin:0}
p{margin:0 0 .8em;max-width:84ch}
a{color:var(--accent)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:12px 0;margin:20px 0 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);font-size:.92rem}
section{padding:36px 0 8px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,200px),1fr));gap:14px;margin:22px 0 4px;padding:0;list-style:none}
.tiles+p{margin-top:14px}
.tiles li{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:13px 14px;font-size:.86rem;color:var(--soft);line-height:1.4}
.tiles b{display:block;color:var(--ink);font-size:1.7rem;line-height:1.3;font-weight:650;letter-spacing:-.02em}
.tiles b small{font-size:.55em;letter-spacing:0}
.tiles .name{color:var(--ink);font-weight:600;font-size:.84rem}
.better{color:var(--good);font-weight:600}.worse{color:var(--bad);font-weight:600}.none{color:var(--soft);font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:18px;margin:14px 0}
.charts>:only-child{max-width:600px}
figure{margin:0}
.chart{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px 10px;min-width:0}
.chart svg[role=img]{display:block;width:100%;height:auto;margin-top:6px}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 16px;align-items:baseline}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:0;padding:0;font-size:.85rem;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:6px}
svg text{fill:var(--soft);font-size:12px}
svg .label{fill:var(--ink);font-size:12.5px}
.grid{stroke:var(--grid);fill:none}.tick{stroke:var(--soft);fill:none;stroke-opacity:.6}
.line{fill:none;stroke:var(--c);stroke-width:2.4;stroke-linejoin:round}
.run{fill:none;stroke:var(--c);stroke-width:1;stroke-opacity:.28}
.band{fill:var(--c);fill-opacity:.17}.dot{fill:var(--c)}.whisker{stroke:var(--c);stroke-width:2.4;stroke-opacity:.55}
.before{fill:var(--card);stroke:var(--soft);stroke-width:1.6}
.heat{fill:var(--c0);stroke:var(--card);stroke-width:2}.h0{fill-opacity:.06}.h1{fill-opacity:.14}.h2{fill-opacity:.22}.h3{fill-opacity:.31}.h4{fill-opacity:.4}.h5{fill-opacity:.5}.hole{fill:none;stroke:var(--rule);stroke-dasharray:3 3}
td.command{text-align:left;white-space:normal;min-width:22em;overflow-wrap:anywhere}
.note{font-size:.85rem;color:var(--soft);margin:6px 0 10px;max-width:none}.chart .note{margin-bottom:4px}
details{font-size:.9rem;margin:4px 0}
summary{cursor:pointer;color:var(--soft)}
.scroll{overflow-x:auto;max-width:100%;margin:8px 0;padding:0}
table{border-collapse:collapse;font-size:.88rem;width:100%}
.caption{color:var(--soft);margin:14px 0 2px;font-size:.86rem;max-width:none}
.split{display:grid;grid-template-columns:minmax(0,1fr);gap:6px 26px;align-items:start}
@media (min-width:900px){.split{grid-template-columns:minmax(0,5fr) minmax(0,6fr)}}
small{color:var(--soft);font-size:.86em}
th,td{padding:5px 10px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
tbody th,thead th:first-child{text-align:left;font-weight:500;padding-left:0}
thead th{white-space:normal;font-weight:600;vertical-align:bottom;border-bottom-color:var(--soft)}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));gap:16px;margin:12px 0 22px;padding:0;list-style:none}
.gallery li{background:var(--card);border:1px solid var(--rule);border-radius:10px;overflow:hidden;font-size:.88rem}
.gallery img{display:block;width:100%;height:auto;aspect-ratio:1;background:var(--wash)}.gallery .seen{image-rendering:pixelated}
.pictures.both{display:grid;grid-template-columns:3fr 1fr}.gallery .pictures p{padding:0 7px;font-size:.72rem;line-height:1.25}.gallery .pictures p .seen{width:calc(100% + 14px);margin:0 -7px 4px}
.gallery .said{padding:10px 13px 12px}
.gallery dl{margin:0}.gallery dt{line-height:1.35}.gallery dd{margin:1px 0 8px;color:var(--soft);font-size:.84rem}
.gallery p{margin:0;color:var(--soft);font-size:.84rem}
.wrong{color:var(--bad);font-weight:600}.right{color:var(--good);font-weight:600}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,205px),1fr));gap:14px;margin:12px 0}
.map svg{display:block;width:100%;height:auto;background:var(--card);border:1px solid var(--rule);border-radius:8px}
.map figcaption{font-size:.86rem;margin-top:3px}.map figcaption span{color:var(--soft)}
.scale{margin:2px 0 4px}.failed{--c:var(--bad)}
.furniture{fill:var(--wood);fill-opacity:.3;stroke:var(--wood);stroke-width:10}
.cell{fill:var(--c)}.l0{fill:var(--soft)}.l1{fill-opacity:.22}.l2{fill-opacity:.4}.l3{fill-opacity:.6}.l4{fill-opacity:.8}.l5{fill-opacity:1}
.warnings{border-left:4px solid var(--c1);background:var(--wash);padding:12px 18px 12px 36px;border-radius:0 8px 8px 0;margin:10px 0}
.warnings li{margin:4px 0}
pre{background:var(--wash);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;overflow-x:auto;font-size:.86rem;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
dl.facts{display:grid;grid-template-columns:minmax(90px,auto) 1fr;gap:4px 18px;font-size:.92rem}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
footer{padding-top:28px;padding-bottom:44px;color:var(--soft);font-size:.86rem}
@media (max-width:520px){.gallery,.maps{grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px}.gallery .said{padding:8px 9px}th,td{padding:5px 8px}tbody th{white-space:normal;min-width:6.5em}main,header,footer{padding-left:14px;padding-right:14px}.chart{padding:12px 10px 8px}svg text,svg .label{font-size:14px}}
@media print{.chart,.gallery li{break-inside:avoid}nav{display:none}}
`);
