// The exact text around a quote. A document may be megabytes, so only a window of it is drawn, with more
// above and below on request. Nothing is added to the text and nothing taken away; page lines are drawn
// by elements that hold no text of the document and cannot be selected.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import { unitsOf } from "../offsets.js";
import { separatorOf, Table, tableSpans } from "./pagetable.js";

const AROUND = 5000;
const MORE = 15_000;
const HEADING = /^#{1,6}\s/;

export function PageText({ document, at }) {
  const box = useRef(null);
  const text = document.text ?? "";
  const spot = useMemo(() => {
    const units = unitsOf(text);
    const start = at.start === null || at.start === undefined ? null : units(at.start);
    const pages = (document.pages ?? []).map((one) => ({ page: one.page, start: units(one.start) }));
    return { start, end: start === null ? null : units(at.end ?? at.start), pages };
  }, [document, at.start, at.end]);
  const [range, setRange] = useState(null);
  const key = `${document.document_id} ${spot.start} ${spot.end}`;
  const { from, to } = range?.key === key ? range : around(text, spot);
  const grow = (change) => setRange({ key, from, to, ...change });
  const fromBottom = useRef(null);
  const above = () => {
    fromBottom.current = box.current.scrollHeight - box.current.scrollTop;
    grow({ from: lineStart(text, from - MORE) });
  };
  useLayoutEffect(() => {
    if (fromBottom.current === null) return;
    box.current.scrollTop = box.current.scrollHeight - fromBottom.current;
    fromBottom.current = null;
  }, [from]);
  useEffect(() => center(box.current), [key]);
  if (!text) return html`<div class="sheet"><div class="state-card" data-testid="no-text"><h2>${t("panel.no_text")}</h2>
    ${document.reason && html`<p>${document.reason}</p>`}</div></div>`;
  const separator = document.media_type?.includes("csv") ? separatorOf(text) : null;
  return html`<div class="sheet" ref=${box} tabindex="0" data-testid="sheet" aria-label=${t("panel.text")}>
    ${from > 0 && html`<button class="button small more-text" data-testid="more-above" onClick=${above}>${t("panel.above", { n: number(from) })}</button>`}
    <div class="paper" data-testid="document-text">${draw(text, from, to, spot, separator)}</div>
    ${to < text.length && html`<button class="button small more-text" data-testid="more-below" onClick=${() => grow({ to: lineEnd(text, to + MORE) })}>
      ${t("panel.below", { n: number(text.length - to) })}</button>`}
  </div>`;
}

function around(text, { start, end }) {
  return { from: lineStart(text, (start ?? 0) - AROUND), to: lineEnd(text, (end ?? 0) + (start === null ? MORE : AROUND)) };
}

/** The start of the line that holds `at`; a line longer than the step is cut. */
function lineStart(text, at) {
  if (at <= 0) return 0;
  const line = text.lastIndexOf("\n", at) + 1;
  return whole(text, at - line < AROUND ? line : at);
}

function lineEnd(text, at) {
  if (at >= text.length) return text.length;
  const line = text.indexOf("\n", at);
  return line < 0 || line - at > AROUND ? whole(text, Math.min(at, text.length)) : line;
}

/** Never between the halves of one character. */
const whole = (text, at) => (/[\udc00-\udfff]/.test(text[at] ?? "") ? at - 1 : at);

/** The window as nodes: tables as tables, and the prose between them. */
function draw(text, from, to, spot, separator) {
  const pages = new Map(spot.pages.filter((one) => one.start >= from && one.start < to).map((one) => [one.start, one.page]));
  const ink = (start, end) => inked(text, start, end, spot);
  if (separator) return html`<${Table} text=${text} start=${from} end=${to} ink=${ink} separator=${separator} />`;
  const nodes = [];
  let at = from;
  for (const [start, end] of tableSpans(text, from, to, pages)) {
    nodes.push(...prose(text, at, start, spot, pages));
    if (pages.has(start) && pages.size > 1) nodes.push(html`<${PageRule} key=${`p${start}`} page=${pages.get(start)} />`);
    nodes.push(html`<${Table} key=${`t${start}`} text=${text} start=${start} end=${end} ink=${ink} />`);
    at = end;
  }
  return [...nodes, ...prose(text, at, to, spot, pages)];
}

/** A stretch of text with the part of it that belongs to the quote marked. */
function inked(text, start, end, spot) {
  if (spot.start === null || spot.end <= start || spot.start >= end) return text.slice(start, end);
  const [a, b] = [Math.max(start, spot.start), Math.min(end, spot.end)];
  return [text.slice(start, a), html`<mark key=${a} data-testid="quote-mark">${text.slice(a, b)}</mark>`, text.slice(b, end)];
}

/** Text outside tables: lines of headings wear weight, the quote its mark, pages their rule. */
function prose(text, from, to, spot, pages) {
  if (from >= to) return [];
  const cuts = new Set([from, to]);
  for (const at of [spot.start, spot.end]) if (at !== null && at > from && at < to) cuts.add(at);
  for (const at of pages.keys()) if (at > from && at < to) cuts.add(at);
  const headings = headingLines(text, from, to);
  for (const [start, end] of headings) cuts.add(start).add(end);
  const bounds = [...cuts].sort((a, b) => a - b);
  const nodes = [];
  for (let index = 0; index < bounds.length - 1; index += 1) {
    const [start, end] = [bounds[index], bounds[index + 1]];
    if (pages.has(start) && pages.size > 1) nodes.push(html`<${PageRule} key=${`p${start}`} page=${pages.get(start)} />`);
    const inQuote = spot.start !== null && start >= spot.start && end <= spot.end && spot.end > spot.start;
    const heading = headings.some(([a, b]) => a <= start && end <= b);
    const words = text.slice(start, end);
    const inner = inQuote ? html`<mark key=${start} data-testid="quote-mark">${words}</mark>` : words;
    nodes.push(heading ? html`<b class="line-heading" key=${`h${start}`}>${inQuote ? inner : hashes(words)}</b>` : inner);
  }
  return nodes;
}

/** The hashes of a Markdown heading stay (the text is exact), but step back. */
function hashes(words) {
  const sign = /^#{1,6}/.exec(words)?.[0] ?? "";
  return [sign && html`<span class="sign">${sign}</span>`, words.slice(sign.length)];
}

function headingLines(text, from, to) {
  const found = [];
  for (let start = from; start < to; ) {
    const next = text.indexOf("\n", start);
    const end = next < 0 || next > to ? to : next;
    if (HEADING.test(text.slice(start, Math.min(end, start + 8)))) found.push([start, end]);
    start = end + 1;
  }
  return found;
}

function PageRule({ page }) {
  return html`<span class="page-rule" aria-hidden="true" data-page=${t("place.page", { n: page })}></span>`;
}

function center(box) {
  const mark = box?.querySelector("mark");
  if (!mark) {
    if (box) box.scrollTop = 0;
    return;
  }
  const inside = mark.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
  const height = Math.min(mark.getBoundingClientRect().height, box.clientHeight);
  box.scrollTop = Math.max(0, inside - (box.clientHeight - height) / 2);
}
