/** For screens, light or dark and down to a telephone's, and for paper. No colour carries a meaning alone. */
export const reportStyle = `
:root {
  color-scheme: light;
  --page: #fff; --text: #1c2530; --quiet: #51606f; --line: #e3e8ed; --rule: #b6c0ca; --box: #f4f6f8; --bar: #2f6db3;
  --good: #e9f5ec; --good-edge: #1d7a3a; --good-text: #145428; --bad: #fdecea; --bad-edge: #b3261e; --bad-text: #7d1a15;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --page: #14191f; --text: #e4e9ee; --quiet: #a3b0bd; --line: #2c353f; --rule: #52606e; --box: #1d242c; --bar: #6ba6e8;
    --good: #14301d; --good-edge: #4cb56c; --good-text: #b9ecc8; --bad: #3b1816; --bad-edge: #f0766c; --bad-text: #ffd0cb;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 32px 24px 64px; }
section + section { margin-top: 64px; border-top: 3px solid var(--text); padding-top: 32px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; }
h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid var(--rule); padding-bottom: 4px; }
h3 { font-size: 16px; margin: 24px 0 6px; }
p { margin: 8px 0; }
.source { color: var(--quiet); margin: 2px 0 16px; overflow-wrap: anywhere; }
.small { color: var(--quiet); font-size: 13px; }
.verdict { font-size: 18px; font-weight: 600; padding: 10px 16px; border-left: 6px solid; margin: 16px 0; }
.verdict.verified { background: var(--good); border-color: var(--good-edge); color: var(--good-text); }
.verdict.failed { background: var(--bad); border-color: var(--bad-edge); color: var(--bad-text); }
dl { display: grid; grid-template-columns: 150px 1fr; gap: 2px 16px; margin: 12px 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 8px 0; padding-left: 22px; }
li { margin: 3px 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 10px 0; font-size: 13px; }
th { text-align: left; font-weight: 600; color: var(--quiet); border-bottom: 2px solid var(--rule); padding: 4px 10px 4px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: 5px 10px 5px 0; vertical-align: top; overflow-wrap: anywhere; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 12px; }
code.hash { overflow-wrap: anywhere; }
.whole { white-space: nowrap; }
pre { background: var(--box); border: 1px solid var(--line); padding: 12px 14px; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { margin: 20px 0 4px; }
figure.narrow { display: none; }
figcaption { color: var(--quiet); font-size: 13px; margin-bottom: 4px; }
svg { display: block; width: 100%; height: auto; }
.bar { fill: var(--bar); }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { stroke: var(--rule); stroke-width: 1; }
.tick { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
@media screen and (max-width: 700px) {
  main { padding: 20px 16px 48px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dt { font-size: 13px; }
  dd { margin-bottom: 8px; }
  figure.wide { display: none; }
  figure.narrow { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--rule); padding: 6px 0; }
  td, td.number { border: 0; padding: 1px 0; text-align: left; }
  td::before { content: attr(data-title) ": "; color: var(--quiet); }
}
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  table { font-size: 9pt; }
  code.hash { font-size: 8pt; }
  section + section { break-before: page; border: 0; }
  h2, h3 { break-after: avoid; }
  tr, figure, pre, .verdict { break-inside: avoid; }
  thead { display: table-header-group; }
  .verdict, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
