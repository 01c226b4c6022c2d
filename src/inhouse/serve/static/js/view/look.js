// How a document looks: a workbook as cells, a presentation as slides, a mail as a mail. The server tells where
// words stand by offsets into the text (`/layout`); every word drawn here is a slice of that text, so a quote is
// marked wherever it falls.
import { useEffect, useMemo, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import * as api from "../api.js";
import { unitsTable } from "../offsets.js";
import { Sheets } from "./looksheet.js";
import { Slides } from "./lookslide.js";
import { Mail } from "./lookmail.js";

const KEPT = 6;
const cache = new Map();
const KINDS = { sheets: Sheets, slides: Slides, mail: Mail };

export function Look({ document, at, toText }) {
  const [now, setNow] = useState(null);
  const box = useRef(null);
  const key = `${document.document_id} ${document.sha256}`;
  useEffect(() => {
    let late = false;
    fetchLayout(key, document.document_id).then(
      (layout) => late || setNow({ key, layout }),
      (error) => late || setNow({ key, error }),
    );
    return () => (late = true);
  }, [key]);
  const text = document.text ?? "";
  const spot = useMemo(() => spotIn(text, at), [document, at.start, at.end]);
  const ready = now?.key === key && now.layout;
  const place = `${key} ${spot.from} ${spot.to} ${Boolean(ready)}`;
  useEffect(() => center(box.current), [place]);
  if (!now || now.key !== key) return html`<div class="sheet loading" aria-busy="true"><div class="skeleton title"></div>
    ${[1, 2, 3].map((one) => html`<div class="skeleton line" key=${one}></div>`)}</div>`;
  const Kind = KINDS[now.layout?.type];
  if (!Kind) return html`<div class="sheet"><div class="state-card" data-testid="no-look"><h2>${t("panel.no_look")}</h2>
    <button class="button" onClick=${toText}>${t("panel.text_view")}</button></div></div>`;
  return html`<div class=${`sheet look look-${now.layout.type}`} ref=${box} tabindex="0" data-testid="look" aria-label=${t("panel.look")}>
    <${Kind} key=${key} layout=${now.layout} text=${text} spot=${spot} center=${() => center(box.current)} /></div>`;
}

async function fetchLayout(key, id) {
  if (!cache.has(key)) {
    cache.set(key, await api.layout(id));
    if (cache.size > KEPT) cache.delete(cache.keys().next().value);
  }
  return cache.get(key);
}

/** The quote in code points, and what draws a stretch of text with its share of the mark. */
function spotIn(text, at) {
  const unit = unitsTable(text);
  const marked = at.start !== null && at.start !== undefined && at.end > at.start;
  const [from, to] = marked ? [at.start, at.end] : [-1, -1];
  const ink = (start, end) => {
    const words = (a, b) => text.slice(unit(a), unit(b));
    if (to <= start || from >= end) return words(start, end);
    const [a, b] = [Math.max(start, from), Math.min(end, to)];
    return [words(start, a), html`<mark key=${a} data-testid="quote-mark">${words(a, b)}</mark>`, words(b, end)];
  };
  // Tables are cut by units of JavaScript; the quote is put into the same ones for them.
  const [a, b] = marked ? [unit(from), unit(to)] : [-1, -1];
  const inkUnits = (start, end) => {
    if (b <= start || a >= end) return text.slice(start, end);
    const [left, right] = [Math.max(start, a), Math.min(end, b)];
    return [text.slice(start, left), html`<mark key=${left} data-testid="quote-mark">${text.slice(left, right)}</mark>`, text.slice(right, end)];
  };
  return { from, to, unit, ink, inkUnits, touches: (start, end) => from < end && start < to };
}

function center(box) {
  const mark = box?.querySelector("mark");
  if (!box) return;
  if (!mark) {
    box.scrollTop = 0;
    return;
  }
  mark.scrollIntoView({ block: "center", inline: "center" });
}
