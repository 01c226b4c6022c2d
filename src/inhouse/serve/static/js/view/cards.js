// Source cards: the passages an answer stands on, numbered as its citations are.
import { useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { day, plural } from "../format.js";
import { numbered } from "../citations.js";
import { openPassage, place } from "../reading.js";

/** "p. 4 · 2.1 Duration · 12 Mar 2026" of a passage. */
export function whereabouts(passage) {
  const last = passage.heading?.at(-1);
  const heading = last === passage.title ? "" : last;
  const page = passage.page ? t("place.page", { n: passage.page }) : "";
  return [page, heading, day(passage.modified_at)].filter(Boolean);
}

/** While writing, all cards; afterwards the cited ones first and the rest behind one button. */
export function Cards({ answer, chatKey, busy }) {
  const [all, showAll] = useState(false);
  const { used, extra } = numbered(answer);
  const sources = [...answer.passages, ...extra].map((passage, index) => ({ passage, index }));
  if (!sources.length) return null;
  const cited = ({ index }) => used.has(index) || index >= answer.passages.length;
  const tidy = !busy && !all && used.size > 0;
  const shown = tidy ? sources.filter(cited) : sources;
  const rest = sources.length - shown.length;
  return html`<section class="cards-box" aria-label=${t("cards.label")}>
    <ol class="cards" data-testid="cards">
      ${shown.map(({ passage, index }) => html`<${Card} key=${index} passage=${passage} index=${index} answer=${answer}
        chatKey=${chatKey} faint=${!busy && used.size > 0 && !cited({ index })} />`)}
    </ol>
    ${rest > 0 && html`<button class="quiet-button" data-testid="also-read" onClick=${() => showAll(true)}>
      ${plural("cards.also", rest)}</button>`}
  </section>`;
}

function Card({ passage, index, answer, chatKey, faint }) {
  const at = place.value;
  const on = at?.message_id === answer.message_id && (at.number === index + 1 || (at.index < 0 && at.start === passage.start
    && at.document_id === passage.document_id)); // prettier-ignore
  if (passage.deleted) return html`<li><span class="card faint gone" data-testid="card-gone"><b><span class="n">${index + 1}</span>${t("card.deleted")}</b></span></li>`;
  return html`<li><button class=${`card${on ? " on" : ""}${faint ? " faint" : ""}`} data-testid="card" aria-pressed=${Boolean(on)}
    disabled=${!answer.message_id} title=${passage.document} onClick=${() => openPassage(chatKey, answer, index)}>
    <b><span class="n">${index + 1}</span>${passage.title || passage.document}</b>
    <span class="where">${whereabouts(passage).map((one) => html`<span key=${one}>${one}</span>`)}
      ${passage.superseded && html`<span class="old" data-testid="superseded">${t("card.superseded")}</span>`}</span>
  </button></li>`;
}

/** The words of a passage without its heading and table lines; a preview, never a quote. */
function snippet(text) {
  const words = text.replace(/^(?:#{1,6}\s.*|[|:\s-]+)$/gm, "").trim();
  return words || text;
}

/** The three nearest places of a refusal, with their words. */
export function NearestCards({ answer, chatKey }) {
  return html`<ol class="nearest" data-testid="nearest">
    ${answer.passages.slice(0, 3).map((passage, index) => html`<li key=${index}>
      <button class="card" data-testid="card" onClick=${() => openPassage(chatKey, answer, index)}>
        <b><span class="n">${index + 1}</span>${passage.title || passage.document}</b>
        <span class="where">${whereabouts(passage).map((one) => html`<span key=${one}>${one}</span>`)}</span>
        <span class="snippet">${snippet(passage.text)}</span></button></li>`)}
  </ol>`;
}
