// The page of a PDF as it looks, drawn by the server, with the quote's boxes over it.
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import * as api from "../api.js";
import { Icon } from "../icons.js";
import { pageAt } from "./panel.js";

const WIDTH = 900;

export function PageImage({ document, at, toText }) {
  const wanted = at.page ?? pageAt(document.pages, at.start ?? 0) ?? document.pages[0].page;
  const [page, setPage] = useState(wanted);
  const [boxes, setBoxes] = useState([]);
  const [loaded, setLoaded] = useState({ page: 0, status: "" });
  const state = loaded.page === page ? loaded.status : "loading";
  const sheet = useRef(null);
  useEffect(() => setPage(wanted), [wanted, at.start, at.end]);
  useEffect(() => {
    let late = false;
    setBoxes([]);
    const locate = page === wanted && at.start !== null && at.start !== undefined;
    if (locate) api.pageBoxes(document.document_id, page, at.start, at.end).then(
      (found) => late || setBoxes(found.boxes),
      () => late || setBoxes(null),
    ); // prettier-ignore
    return () => (late = true);
  }, [document.document_id, page, at.start, at.end]);
  useEffect(() => {
    if (state === "ready") sheet.current?.querySelector(".quote-box")?.scrollIntoView({ block: "center" });
  }, [state, boxes]);
  const last = document.pages.at(-1).page;
  const lost = state === "ready" && page === wanted && at.start !== null && (boxes === null || boxes.length === 0);
  return html`<div class="sheet image-sheet" ref=${sheet} tabindex="0" data-testid="page-sheet">
    ${state === "failed" ? html`<div class="state-card"><h2>${t("panel.no_image")}</h2>
        <button class="button" onClick=${toText}>${t("panel.text_view")}</button></div>` : html`
      <div class=${`page-image ${state}`}>
        <img key=${page} data-testid="page-image" src=${api.pageImagePath(document.document_id, page, WIDTH)} alt=${t("panel.image", { n: page })}
          onLoad=${() => setLoaded({ page, status: "ready" })} onError=${() => setLoaded({ page, status: "failed" })} />
        ${state === "ready" && page === wanted && (boxes ?? []).map(([left, top, right, bottom], index) => html`<i key=${index} class="quote-box" data-testid="quote-box"
          style=${{ left: `${left * 100}%`, top: `${top * 100}%`, width: `${(right - left) * 100}%`, height: `${(bottom - top) * 100}%` }}></i>`)}
      </div>`}
    ${lost && at.quote && html`<p class="note calm">${t("panel.not_located")} <mark>${at.quote}</mark></p>`}
    ${last > 1 && html`<div class="pager">
      <button class="plain" data-testid="page-prev" aria-label=${t("panel.page_prev")} disabled=${page <= 1} onClick=${() => setPage(page - 1)}><${Icon} name="left" /></button>
      <span class="num">${t("panel.page", { n: number(page), all: number(last) })}</span>
      <button class="plain" data-testid="page-next" aria-label=${t("panel.page_next")} disabled=${page >= last} onClick=${() => setPage(page + 1)}><${Icon} name="right" /></button></div>`}
  </div>`;
}
