/** @file What the live page adds to the report's style sheet. */

export const DASHBOARD_STYLE = `
:root{--bar:#fff}
@media (prefers-color-scheme:dark){:root{--bar:#1a1e22}}
.live{font-size:14px;line-height:1.45}
.live h1{font-size:1rem;margin:0;letter-spacing:0;font-weight:500;max-width:none;overflow-wrap:anywhere}
.live h1 span{font-weight:750;letter-spacing:.01em;margin-right:.35em}
.live h2{font-size:1.05rem;margin:0 0 .5em;font-weight:650}
.live h3{font-size:.98em;font-weight:600}
.live section{padding:18px 0 4px}
.live .scroll{padding:0}
.live button,.live select,.live input{font:inherit;color:inherit}
.live select,.live input[type=search],.live input[type=number]{background:var(--card);border:1px solid var(--field);border-radius:6px;padding:4px 8px;min-width:0}
.live input[type=checkbox],.live input[type=radio]{accent-color:var(--accent);margin:0;width:14px;height:14px;flex:none}
:root{--field:#868e98}
@media (prefers-color-scheme:dark){:root{--field:#79838e}}
.live :focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.live main:focus-visible{outline:none}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-999px;top:4px;background:var(--card);padding:6px 12px;z-index:5}.skip:focus{left:8px}
.live .bar{position:sticky;top:0;z-index:3;max-width:none;display:flex;align-items:baseline;gap:4px 22px;padding:9px 18px;background:var(--bar);border-bottom:1px solid var(--rule)}
.bar p{margin:0;color:var(--soft);font-size:.93em}
.bar .connection{margin-left:auto}
.connection::before{content:"";display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:7px;background:var(--soft)}
.connection.live::before{background:var(--good)}
.connection.lost{color:var(--bad);font-weight:600}.connection.lost::before{background:var(--bad);border-radius:0}
.page{display:grid;grid-template-columns:350px minmax(0,1fr)}
.page aside{position:sticky;top:40px;height:calc(100vh - 40px);overflow-y:auto;border-right:1px solid var(--rule);padding:12px 0 24px;scrollbar-width:thin}
.live .page main{max-width:1680px;margin:0;padding:0 22px 60px;min-width:0}
.open-list{display:none}
.empty{color:var(--soft);padding:40px 22px;max-width:60ch}
.filters{display:grid;grid-template-columns:1fr 1fr;gap:7px;padding:0 14px}
.filters .wide{grid-column:1/-1}.filters .wide input{width:100%}
.filters label{display:flex;align-items:center;gap:6px;color:var(--soft);font-size:.9em;min-width:0}
.filters select{flex:1}
.found{display:flex;gap:12px;align-items:baseline;padding:0 14px;margin:9px 0 4px;color:var(--soft);font-size:.9em}
.plain{background:none;border:0;padding:0;color:var(--accent)!important;cursor:pointer;text-decoration:underline;text-underline-offset:2px}
.group{margin:0;border-top:1px solid var(--rule)}
.group summary{position:sticky;top:-12px;z-index:1;background:var(--paper);padding:6px 14px;color:var(--ink);display:grid;grid-template-columns:12px 1fr;column-gap:5px;list-style:none}
.group summary::-webkit-details-marker{display:none}
.group summary::before{content:"";width:0;height:0;border:4px solid transparent;border-left:6px solid var(--soft);margin-top:6px}
.group[open]>summary::before{transform:rotate(90deg);transform-origin:3px 4px}
.group .name{font-weight:600;overflow-wrap:anywhere}
.group .how{grid-column:2;color:var(--soft);font-size:.88em}
.runs{list-style:none;margin:0 0 8px;padding:0}
.runs li{display:grid;grid-template-columns:minmax(0,1fr) 46px 50px 50px;align-items:center;gap:0 6px;padding:1px 12px 1px 16px;min-height:25px}
.runs li:hover{background:var(--wash)}
.runs label{display:flex;align-items:center;gap:7px;min-width:0;cursor:pointer;padding:2px 0}
.runs .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.live .runs .name{font-weight:400;font-size:1em}
.runs .all{grid-template-columns:1fr auto;color:var(--soft);font-size:.92em}
.chip{width:10px;height:10px;border-radius:3px;flex:none;border:1px solid var(--field)}
.chip[class*=" c"]{background:var(--c);border-color:var(--c)}
.spark path{fill:none;stroke:var(--soft);stroke-width:1.3}
.runs .number,.runs .state{text-align:right;font-size:.9em;white-space:nowrap}
.runs .state{color:var(--soft)}
.runs .state>span:first-child{font-size:.72em;margin-right:3px}
.state.running{color:var(--good);font-weight:600}
.state.running>span:first-child{animation:breathe 2.4s ease-in-out infinite}
@keyframes breathe{50%{opacity:.35}}
@media (prefers-reduced-motion:reduce){.live *{animation:none!important;transition:none!important;scroll-behavior:auto!important}}
.runs .settings{grid-column:1/-1;color:var(--soft);font-size:.86em;padding-left:21px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.runs .problem{grid-column:1/-1;color:var(--bad);font-size:.86em;padding-left:21px;overflow-wrap:anywhere}
.views{position:sticky;top:40px;z-index:2;background:var(--paper);margin:0 -22px;padding:0 22px;border-bottom:1px solid var(--rule)}
.views ul{display:flex;gap:2px;margin:0;padding:0;border:0;list-style:none;font-size:1em;overflow-x:auto;flex-wrap:nowrap}
.views button{background:none;border:0;border-bottom:3px solid transparent;padding:9px 12px 7px;cursor:pointer;color:var(--soft)}
.views button:hover{color:var(--ink)}
.views button[aria-current]{color:var(--ink);font-weight:650;border-bottom-color:var(--accent)}
.verdict{margin:14px 0 0;font-size:1.07em;max-width:100ch}
.key{display:flex;flex-wrap:wrap;gap:6px 24px;align-items:center;margin:14px 0 0}
.key .legend{font-size:.95em;color:var(--ink)}
.key label,.choice label{display:flex;gap:6px;align-items:center;white-space:nowrap}
.key>label{margin-left:auto}
label.choice{margin:0 0 6px}.choice{border:0;padding:0;margin:12px 0 -8px;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center}
.choice legend{float:left;padding:0;margin-right:2px;color:var(--soft)}
.live .charts{grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr));gap:12px;margin:6px 0}
.live .chart{border-radius:8px;padding:10px 12px 6px;display:flex;flex-direction:column}
.live .chart svg[role=img]{margin:4px 0 0;width:100%}
.live .chart details{margin-top:auto}
.live .chart .note{font-size:.86em;margin:2px 0}
.live details summary{font-size:.92em}
.live svg text{font-size:11.5px}.live svg .label{font-size:11.5px;fill:var(--soft)}
.plot{position:relative;min-width:0}.plot.zooms{cursor:crosshair;touch-action:pan-y;user-select:none}.dragged{fill:var(--accent);fill-opacity:.14}
.downloads{display:flex;gap:9px;font-size:.84em}.downloads .plain{padding:3px 2px}
.choices{display:flex;flex-wrap:wrap;gap:6px 28px;align-items:center;margin:12px 0 4px}.choices .choice{margin:0}
.smoothing,.zoom,.zoom label{display:flex;gap:7px;align-items:center;color:var(--soft)}.smoothing input{width:130px;accent-color:var(--accent)}.smoothing output{min-width:2.4em}.zoom input{width:6.4em}
.rule path{stroke:var(--soft);stroke-dasharray:2 3}
.values.before{left:60px;top:14px}.values.after{right:24px;bottom:48px}.values{position:absolute;pointer-events:none;background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:6px 9px;font-size:.86em;box-shadow:0 2px 10px rgb(0 0 0/.14);z-index:1;max-width:calc(100% - 84px)}
.values b{display:block;font-weight:600}.values span{display:flex;align-items:center;gap:5px;white-space:nowrap}
.values i{font-style:normal;color:var(--soft);overflow:hidden;text-overflow:ellipsis;max-width:170px}
.swatch{flex:none}
.slider{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:center;margin-bottom:6px}.slider span{min-width:9.5em}
.slider input{width:min(420px,100%);accent-color:var(--accent)}.slider output{font-weight:650}
.terms td,.terms th{padding:3px 10px}.terms tbody{border-bottom:1px solid var(--rule)}.terms tbody td,.terms tbody th{border:0;vertical-align:middle}
.terms tbody th{padding-left:0}.terms tbody th[scope=rowgroup]{font-weight:650;vertical-align:top;padding-top:4px}
.terms .run-name{font-weight:400;color:var(--soft);white-space:nowrap}
.terms thead th:nth-child(n+2){text-align:left}.terms thead th:nth-child(4){text-align:right}
.terms .bar-cell{width:26%;min-width:110px}
.bar-of{display:block;width:100%;height:14px}
.bar-of .track{fill:var(--wash)}.bar-of .fill{fill:var(--c)}
.bar-of path{fill:none;vector-effect:non-scaling-stroke}
.bar-of .chance{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 2}.bar-of .start{stroke:var(--ink);stroke-width:3}
.bar-filters{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin:16px 0 8px}
.bar-filters label{display:flex;gap:6px;align-items:center;color:var(--soft)}
.bar-filters input[type=number]{width:5.2em}.bar-filters select{max-width:230px}
.bar-filters .range{display:flex;gap:6px}
.live .maps{grid-template-columns:repeat(auto-fill,minmax(min(100%,170px),1fr));gap:10px;margin:8px 0}
.run-title span{font-weight:400;color:var(--soft)}.run-title{flex-wrap:wrap;display:flex;gap:8px;align-items:center;margin:16px 0 4px}
.problem{color:var(--bad)}
.found-samples{margin:8px 0;color:var(--soft)}
.live .gallery{grid-template-columns:repeat(auto-fill,minmax(min(100%,250px),1fr));gap:12px;margin:8px 0 16px}
.live .gallery li{border-radius:8px;font-size:.93em}.live .gallery .said{padding:8px 11px 9px}
.plan{display:block;width:100%;aspect-ratio:1;background:var(--wash)}
.plan rect{stroke-width:10}.plan .there rect{fill:var(--card);stroke:var(--soft)}.plan .moved rect{fill:var(--card);stroke:var(--accent);stroke-width:26}
.live .plan text{font-size:115px;fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:26px}
.more{background:var(--card);border:1px solid var(--field);border-radius:6px;padding:6px 16px;cursor:pointer;margin-bottom:12px}
.live pre{margin:6px 0;font-size:.9em}
@media (max-width:820px){
.page{display:block}
.open-list{display:block;width:calc(100% - 28px);margin:10px 14px;padding:8px 12px;text-align:left;background:var(--card);border:1px solid var(--field);border-radius:8px;cursor:pointer}
.open-list::after{content:"▾";float:right}.open-list[aria-expanded=true]::after{content:"▴"}
.page aside{display:none;position:static;height:auto;max-height:70vh;border:0;border-bottom:1px solid var(--rule)}
.page.listed aside{display:block}
.live .page main{padding:0 14px 40px}.views{margin:0 -14px;padding:0 8px}
.terms .run-name span{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.live .terms tbody th{min-width:0;padding-right:4px}.terms td,.terms th{padding:3px 6px}.terms .bar-cell{min-width:72px}.terms .pairs svg{width:0}.terms .pairs{min-width:0;width:0;padding:0}
.live .bar{padding:9px 14px}.live .gallery{grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}.live .gallery .said{padding:7px 9px}.views button{padding:9px 9px 7px}
}
`;
