// A workbook: its sheets by name, rows and columns numbered as in the file. A sheet may have a hundred thousand
// rows, so a window of them is drawn, around the quote when there is one.
import { useEffect, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";

const ABOVE = 40;
const ROWS = 160;
const NUMBER = /^[\s\d.,%+\-−–€$₽]*\d[\s\d.,%+\-−–€$₽]*$/;

export function Sheets({ layout, text, spot, center }) {
  const quoted = layout.sheets.findIndex((sheet) => rowOf(sheet, spot) >= 0);
  const [chosen, setChosen] = useState(null);
  useEffect(() => setChosen(null), [spot.from, spot.to]);
  const index = chosen ?? Math.max(0, quoted);
  const sheet = layout.sheets[index];
  useEffect(() => {
    if (chosen === null) center();
  }, [index, spot.from]);
  if (!sheet) return html`<div class="state-card"><h2>${t("panel.no_text")}</h2></div>`;
  return html`<${Grid} key=${`${index} ${spot.from}`} sheet=${sheet} spot=${spot} text=${text} />
    ${layout.sheets.length > 1 && html`<div class="sheet-tabs" role="tablist" aria-label=${t("panel.sheets")}>
      ${layout.sheets.map((one, at) => html`<button key=${at} role="tab" data-testid="sheet-tab" aria-selected=${at === index}
        class=${at === quoted ? "quoted" : ""} onClick=${() => setChosen(at)}>${one.name || at + 1}</button>`)}</div>`}`;
}

/** The index of the first row that the quote touches, or -1. Rows and cells are `[row, [[column, start, end], …]]`. */
function rowOf(sheet, spot) {
  return sheet.rows.findIndex(([, cells]) => cells.some(([, start, end]) => spot.touches(start, end)));
}

function Grid({ sheet, spot, text }) {
  const first = Math.max(0, rowOf(sheet, spot) - ABOVE);
  const [range, setRange] = useState([first, first + ROWS]);
  const [from, to] = range;
  const rows = sheet.rows.slice(from, to);
  const columns = rows.reduce((most, [, cells]) => Math.max(most, cells.at(-1)?.[0] ?? 0), 1);
  const letters = Array.from({ length: columns }, (_, at) => letter(at + 1));
  return html`<div class="grid-box">
    ${from > 0 && html`<button class="button small more-text" data-testid="more-above" onClick=${() => setRange([Math.max(0, from - ROWS), to])}>
      ${t("panel.rows_above", { n: number(from) })}</button>`}
    <table class="grid" data-testid="grid"><thead><tr><th></th>${letters.map((one) => html`<th key=${one} scope="col">${one}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<${Line} key=${row[0]} row=${row} letters=${letters} spot=${spot} text=${text} />`)}</tbody></table>
    ${to < sheet.rows.length && html`<button class="button small more-text" data-testid="more-below" onClick=${() => setRange([from, to + ROWS])}>
      ${t("panel.rows_below", { n: number(sheet.rows.length - to) })}</button>`}
    ${sheet.cut && html`<p class="note calm">${t("panel.sheet_cut")}</p>`}</div>`;
}

function Line({ row: [row, cells], letters, spot, text }) {
  const by = new Map(cells.map((cell) => [cell[0], cell]));
  return html`<tr><th scope="row">${row}</th>${letters.map((one, at) => {
    const cell = by.get(at + 1);
    if (!cell) return html`<td key=${one}></td>`;
    const [, start, end] = cell;
    const kind = NUMBER.test(text.slice(spot.unit(start), spot.unit(end))) ? "num" : "";
    const quoted = spot.touches(start, end) ? " quoted" : "";
    return html`<td key=${one} class=${kind + quoted} data-cell=${`${one}${row}`}>${spot.ink(start, end)}</td>`;
  })}</tr>`;
}

/** 1 is A, 27 is AA. */
export function letter(column) {
  let name = "";
  for (let left = column; left > 0; left = Math.floor((left - 1) / 26)) name = String.fromCharCode(65 + ((left - 1) % 26)) + name;
  return name;
}
