// The source panel: the document at the quote, with the way to the next citation and to the original.
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { day, number, size } from "../format.js";
import { originalPath } from "../api.js";
import { slice } from "../offsets.js";
import { close, fetchShown, linkTo, place, shown, turn } from "../reading.js";
import { copy } from "../clipboard.js";
import { Icon } from "../icons.js";
import { PageText } from "./pagetext.js";
import { PageImage } from "./pageimage.js";
import { Look } from "./look.js";

export function Panel() {
  const at = place.value;
  const box = useRef(null);
  const [mode, setMode] = useState("page");
  useEffect(() => {
    fetchShown(at.document_id);
  }, [at.document_id]);
  useEffect(() => {
    const from = document.activeElement;
    if (matchMedia("(max-width: 760px)").matches) box.current.focus();
    return () => from?.isConnected && from.focus({ preventScroll: true });
  }, []);
  const now = shown.value?.document_id === at.document_id ? shown.value : { status: "loading" };
  const pictured = now.document?.pictured && now.document.pages?.length > 0;
  const drawn = pictured || Boolean(now.document?.look);
  const seen = drawn && mode === "page" ? (pictured ? "page" : "look") : "text";
  return html`<aside class="panel" ref=${box} tabindex="-1" aria-label=${t("panel.label")} data-testid="panel">
    <${Head} at=${at} now=${now} />
    ${now.document && html`<${Tools} at=${at} document=${now.document} mode=${drawn ? (seen === "text" ? "text" : "page") : null} setMode=${setMode} />`}
    ${now.status === "loading" && html`<div class="sheet loading" aria-busy="true"><div class="skeleton title"></div>
      ${[1, 2, 3, 4, 5].map((key) => html`<div class="skeleton line" key=${key}></div>`)}</div>`}
    ${now.status === "failed" && html`<${Failed} error=${now.error} id=${at.document_id} />`}
    ${now.document && seen === "page" && html`<${PageImage} key=${now.document.document_id} document=${now.document} at=${at} toText=${() => setMode("text")} />`}
    ${now.document && seen === "look" && html`<${Look} key=${now.document.document_id} document=${now.document} at=${at} toText=${() => setMode("text")} />`}
    ${now.document && seen === "text" && html`<${PageText} document=${now.document} at=${at} />`}
  </aside>`;
}

function Head({ at, now }) {
  const document = now.document;
  const page = at.page ?? (document && at.start !== null ? pageAt(document.pages, at.start) : null);
  const pages = document?.pages?.length ?? 0;
  const crumbs = (at.heading ?? []).filter((one) => one !== (document?.title ?? at.title));
  const facts = document ? [
    document.source,
    page && pages > 1 ? t("panel.page", { n: number(page), all: number(pages) }) : "",
    day(document.modified_at), size(document.size_bytes),
  ] : [at.source]; // prettier-ignore
  return html`<header class="panel-head">
    <div><h2 data-testid="panel-title">${document?.title || at.title || document?.document || at.document || t("a11y.loading")}</h2>
      <p class="quiet small" title=${document?.document}>${facts.filter(Boolean).join(" · ")}</p>
      ${crumbs.length > 0 && html`<p class="quiet small crumbs">${crumbs.join(" › ")}</p>`}</div>
    <button class="plain" data-testid="panel-close" aria-label=${t("panel.close")} title="Esc" onClick=${close}><${Icon} name="close" size=${20} /></button>
  </header>`;
}

/** The page that holds an offset, or null. */
export function pageAt(pages, start) {
  return pages?.find((one) => one.start <= start && start < one.end)?.page ?? null;
}

function Tools({ at, document, mode, setMode }) {
  const many = at.spans.length > 1 || (at.index < 0 && at.spans.length > 0);
  const quote = at.quote ?? (at.start !== null ? slice(document.text, at.start, at.end) : "");
  const copyQuote = () => copy(`«${quote}»\n${document.title || document.document}\n${linkTo(at)}`, t("panel.copied"));
  return html`<div class="panel-tools" role="toolbar" aria-label=${t("panel.tools")}>
    ${many && html`<span class="walk">
      <button class="plain" data-testid="cite-prev" aria-label=${t("panel.prev")} title="←" disabled=${at.index <= 0} onClick=${() => turn(-1)}><${Icon} name="left" /></button>
      <span class="num" data-testid="cite-position" aria-live="polite">${at.index < 0 ? "–" : t("panel.position", { n: at.index + 1, all: at.spans.length })}</span>
      <button class="plain" data-testid="cite-next" aria-label=${t("panel.next")} title="→" disabled=${at.index >= at.spans.length - 1} onClick=${() => turn(1)}><${Icon} name="right" /></button>
    </span>`}
    ${mode && html`<span class="segments" role="group" aria-label=${t("panel.view")}>
      ${["page", "text"].map((one) => html`<button key=${one} data-testid=${`view-${one}`} aria-pressed=${mode === one} onClick=${() => setMode(one)}>${t(`panel.${one}_view`)}</button>`)}</span>`}
    <a class="quiet-button" data-testid="panel-original" href=${originalPath(document.document_id)} download><${Icon} name="download" size=${14} />${t("panel.original")}</a>
    ${quote && html`<button class="quiet-button" data-testid="copy-quote" title=${t("panel.quote_long")} onClick=${copyQuote}><${Icon} name="link" size=${14} />${t("panel.quote")}</button>`}
  </div>`;
}

function Failed({ error, id }) {
  const gone = error.status === 404;
  return html`<div class="state-card bad" role="alert" data-testid="panel-failed"><h2>${t(gone ? "panel.gone.title" : "panel.failed")}</h2>
    <p>${gone ? t("panel.gone.body") : error.code === "unreachable" ? t("offline.body") : error.message}</p>
    ${!gone && html`<button class="button" onClick=${() => fetchShown(id)}>${t("action.retry")}</button>`}</div>`;
}
