/** For screens and for paper: dark text on white, no colour that carries a meaning alone. */
export const reportStyle = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1c2530; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 32px 24px 64px; }
section + section { margin-top: 64px; border-top: 3px solid #1c2530; padding-top: 32px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; }
h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid #d3d9e0; padding-bottom: 4px; }
h3 { font-size: 16px; margin: 24px 0 6px; }
p { margin: 8px 0; }
.source { color: #51606f; margin: 2px 0 16px; overflow-wrap: anywhere; }
.verdict { font-size: 18px; font-weight: 600; padding: 10px 16px; border-left: 6px solid; margin: 16px 0; }
.verdict.verified { background: #e9f5ec; border-color: #1d7a3a; color: #145428; }
.verdict.failed { background: #fdecea; border-color: #b3261e; color: #7d1a15; }
dl { display: grid; grid-template-columns: 150px 1fr; gap: 2px 16px; margin: 12px 0; }
dt { color: #51606f; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 8px 0; padding-left: 22px; }
li { margin: 3px 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 10px 0; font-size: 13px; }
th { text-align: left; font-weight: 600; color: #51606f; border-bottom: 2px solid #b6c0ca; padding: 4px 10px 4px 0; vertical-align: bottom; }
td { border-bottom: 1px solid #e3e8ed; padding: 5px 10px 5px 0; vertical-align: top; overflow-wrap: anywhere; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 12px; }
code.hash { overflow-wrap: anywhere; }
code.whole { white-space: nowrap; }
pre { background: #f4f6f8; border: 1px solid #e3e8ed; padding: 12px 14px; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { margin: 20px 0; }
figcaption { color: #51606f; font-size: 13px; margin-bottom: 4px; }
svg { display: block; width: 100%; height: auto; }
.bar { fill: #2f6db3; }
.grid { stroke: #e3e8ed; stroke-width: 1; }
.axis { stroke: #97a3af; stroke-width: 1; }
.tick { fill: #51606f; font-size: 12px; font-variant-numeric: tabular-nums; }
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  section + section { break-before: page; border: 0; }
  h2, h3 { break-after: avoid; }
  tr, figure, pre, .verdict { break-inside: avoid; }
  thead { display: table-header-group; }
  .verdict, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
