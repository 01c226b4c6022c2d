// A presentation: one slide at a time, its words in their boxes, its notes below.
import { useEffect, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import { Icon } from "../icons.js";
import { Table } from "./pagetable.js";

const [SMALLEST, LARGEST] = [0.018, 0.3];
const USUAL = { title: 0.07, text: 0.042, table: 0.032 };

export function Slides({ layout, text, spot, center }) {
  const quoted = layout.slides.findIndex((slide) => slide.shapes.some((one) => spot.touches(one.start, one.end)));
  const [index, setIndex] = useState(Math.max(0, quoted));
  useEffect(() => {
    setIndex(Math.max(0, quoted));
  }, [quoted, spot.from]);
  useEffect(() => center(), [index, spot.from]);
  const slide = layout.slides[index];
  if (!slide) return html`<div class="state-card"><h2>${t("panel.no_text")}</h2></div>`;
  const drawn = slide.shapes.filter((one) => one.role !== "note");
  const notes = slide.shapes.filter((one) => one.role === "note");
  return html`<div class="slide" data-testid="slide" style=${{ aspectRatio: String(layout.ratio || 16 / 9) }}>
      ${drawn.map((one) => html`<${Box} key=${one.start} shape=${one} spot=${spot} text=${text} />`)}</div>
    ${notes.length > 0 && html`<section class="slide-notes" data-testid="slide-notes"><h3 class="label">${t("panel.notes")}</h3>
      ${notes.map((one) => html`<p key=${one.start}>${spot.ink(one.start, one.end)}</p>`)}</section>`}
    ${layout.slides.length > 1 && html`<div class="pager">
      <button class="plain" data-testid="page-prev" aria-label=${t("panel.page_prev")} disabled=${index <= 0} onClick=${() => setIndex(index - 1)}><${Icon} name="left" /></button>
      <span class="num">${t("panel.slide", { n: number(index + 1), all: number(layout.slides.length) })}</span>
      <button class="plain" data-testid="page-next" aria-label=${t("panel.page_next")} disabled=${index >= layout.slides.length - 1} onClick=${() => setIndex(index + 1)}><${Icon} name="right" /></button></div>`}`;
}

/** Sizes are shares of the slide's height, which is what `cqh` measures. */
function Box({ shape, spot, text }) {
  const size = Math.min(LARGEST, Math.max(SMALLEST, shape.size || USUAL[shape.role] || USUAL.text));
  const style = {
    left: `${shape.left * 100}%`, top: `${shape.top * 100}%`, width: `${shape.width * 100}%`,
    minHeight: `${shape.height * 100}%`, fontSize: `${size * 100}cqh`,
  }; // prettier-ignore
  const [start, end] = [spot.unit(shape.start), spot.unit(shape.end)];
  const words = shape.role === "table"
    ? html`<${Table} text=${text} start=${start} end=${end} ink=${spot.inkUnits} />`
    : spot.ink(shape.start, shape.end); // prettier-ignore
  return html`<div class=${`slide-box ${shape.role}`} style=${style}>${words}</div>`;
}
