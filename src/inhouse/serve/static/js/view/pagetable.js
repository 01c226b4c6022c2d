// Tables in a document's text (`| a | b |` lines) drawn as tables. Every character stays in the page, so
// that a mark over a row is exactly the quote; bars, padding and line ends only take no room.
import { html } from "../html.js";

const ROW = /^[ \t]*\|.*\|[ \t]*$/;
const RULE = /^[ \t]*\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$/;
const SHORT = 12;
const NUMBER = /^[\s\d.,%+\-−–€$₽]*\d[\s\d.,%+\-−–€$₽]*$/;

/** Where tables of two lines or more stand between two offsets: `[[start, end]]`; none crosses a cut. */
export function tableSpans(text, from, to, cuts) {
  const found = [];
  let open = null;
  const close = () => {
    if (open && open.lines > 1) found.push([open.start, open.end]);
    open = null;
  };
  for (let start = from; start < to; ) {
    const next = text.indexOf("\n", start);
    const end = next < 0 || next >= to ? to : next + 1;
    const row = ROW.test(text.slice(start, end).replace(/\n$/, "")) && (start === from ? atLineStart(text, from) : true);
    if (open && (cuts.has(start) || !row)) close();
    if (row) open = { start: open?.start ?? start, end, lines: (open?.lines ?? 0) + 1 };
    start = end;
  }
  close();
  return found;
}

const atLineStart = (text, at) => at === 0 || text[at - 1] === "\n";

/** The character between the cells of a CSV text, judged by its first line; null when there is none. */
export function separatorOf(text) {
  const first = text.slice(0, 2000).split("\n", 1)[0];
  const counted = [";", "\t", ","].map((one) => [first.split(one).length - 1, one]).sort((a, b) => b[0] - a[0]);
  return counted[0][0] > 0 ? counted[0][1] : null;
}

/**
 * One table. `ink(start, end)` gives the nodes of a stretch of text, marked where the quote is;
 * `separator` is given for CSV, whose first line is its head; else cells stand between bars.
 */
export function Table({ text, start, end, ink, separator = null }) {
  const rows = [];
  for (let at = start; at < end; ) {
    const next = text.indexOf("\n", at);
    const stop = next < 0 || next >= end ? end : next + 1;
    rows.push([at, stop]);
    at = stop;
  }
  const ruled = !separator && rows.length > 1 && RULE.test(text.slice(...rows[1]).replace(/\n$/, ""));
  const headed = separator ? start === 0 : ruled;
  const cellsOf = separator ? (from, to) => between(text, from, to, separator) : (from, to) => barred(text, from, to);
  return html`<span class="sheet-table"><span class="sheet-rows">
    ${rows.map(([from, to], index) => ruled && index === 1
      ? html`<span class="sheet-rule" key=${from}>${ink(from, to)}</span>`
      : html`<${Row} key=${from} text=${text} from=${from} to=${to} head=${headed && index === 0} ink=${ink} cells=${cellsOf(from, to)} />`)}
  </span></span>`;
}

/** `cells` are `[start, end]` in order; what lies between and around them is kept, unseen. */
function Row({ text, from, to, head, ink, cells }) {
  return html`<span class=${head ? "sheet-row head" : "sheet-row"}>
    ${cells.map(([start, end], index) => {
      const words = text.slice(start, end);
      const inner = words.trim();
      const left = start + (inner ? words.indexOf(inner) : 0);
      const right = left + inner.length;
      const tail = index === cells.length - 1 ? to : cells[index + 1][0];
      return html`<span key=${start} class=${kindOf(inner)}>
        <span class="unseen">${ink(index === 0 ? from : start, left)}</span>${ink(left, right)}<span class="unseen">${ink(right, tail)}</span>
      </span>`;
    })}</span>`;
}

/** Numbers stand right; codes and other short words are not broken. */
function kindOf(words) {
  if (NUMBER.test(words)) return "sheet-cell num";
  return words.length <= SHORT ? "sheet-cell short" : "sheet-cell";
}

/** Cells of a `| a | b |` line, cut at each bar that is not escaped. */
function barred(text, from, to) {
  const cells = [];
  let at = text.indexOf("|", from) + 1;
  for (let next = bar(text, at, to); next >= 0; next = bar(text, at, to)) {
    cells.push([at, next]);
    at = next + 1;
  }
  return cells;
}

function bar(text, at, to) {
  for (let next = text.indexOf("|", at); next >= 0 && next < to; next = text.indexOf("|", next + 1)) {
    if (text[next - 1] !== "\\") return next;
  }
  return -1;
}

/** Cells of a CSV line; a separator inside double quotes separates nothing (RFC 4180, 2.6). */
function between(text, from, to, separator) {
  const cells = [];
  let at = from;
  let quoted = false;
  const end = text[to - 1] === "\n" ? to - 1 : to;
  for (let next = from; next < end; next += 1) {
    if (text[next] === '"') quoted = !quoted;
    if (quoted || text[next] !== separator) continue;
    cells.push([at, next]);
    at = next + 1;
  }
  return [...cells, [at, end]];
}
