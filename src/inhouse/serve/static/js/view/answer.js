// One answer: step line, source cards, the checked text, notes, receipt and what can be done with it.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { day } from "../format.js";
import { byDocument, lack, marked, numbered } from "../citations.js";
import { render } from "../markdown.js";
import { Icon } from "../icons.js";
import { Step } from "./step.js";
import { Cards, NearestCards, whereabouts } from "./cards.js";
import { Cites } from "./cites.js";
import { Receipt } from "./receipt.js";

export function Answer({ answer, question, chatKey, again, variants }) {
  const busy = ["searching", "reading", "writing"].includes(answer.phase);
  const refused = answer.refused && answer.phase === "done";
  return html`<div class=${`answer ${answer.phase}`} data-testid="answer" data-phase=${answer.phase} aria-busy=${busy}>
    <${Step} answer=${answer} />
    ${refused ? html`<${Refusal} answer=${answer} chatKey=${chatKey} />` : html`
      <${Cards} answer=${answer} chatKey=${chatKey} busy=${busy} />
      ${answer.band === "hedge" && html`<${Hedge} answer=${answer} />`}
      ${(answer.conflicts ?? []).map((one) => html`<${Conflict} key=${one.statement} one=${one} answer=${answer} chatKey=${chatKey} />`)}
      <${Text} answer=${answer} chatKey=${chatKey} />`}
    <${Ending} answer=${answer} again=${again} />
    ${!busy && html`<${Receipt} answer=${answer} question=${question} again=${again} variants=${variants} />`}
    <p class="visually-hidden" role="status">${t(`a11y.phase.${answer.phase}`)}</p>
  </div>`;
}

/** The text with a number behind each sentence and a dotted line under what has no source. */
function Text({ answer, chatKey }) {
  if (!answer.text) return answer.phase === "searching" || answer.phase === "reading" ? html`<${Ghost} />` : null;
  const { bySentence, spans } = numbered(answer);
  const complete = answer.phase === "done";
  let bare = -1;
  const onMarker = (kind, index) => {
    const sentence = answer.sentences[index];
    if (!sentence) return null;
    if (kind === "s") {
      bare = sentence.supported ? -1 : index;
      return null;
    }
    bare = -1;
    return html`<${Cites} key=${`c${index}`} spans=${bySentence[index].map((at) => ({ ...spans[at], at }))}
      lack=${lack(sentence)} chatKey=${chatKey} messageId=${answer.message_id} />`;
  };
  const hooks = { onMarker, isMarked: () => bare >= 0 };
  const groups = complete && answer.receipt?.where === "none" ? byDocument(answer) : null;
  if (groups) return html`<div class="prose quotes" data-testid="answer-text">
    ${groups.map((group, index) => html`<${Quotes} key=${index} span=${group.span}>${render(group.source, hooks)}</${Quotes}>`)}</div>`;
  const body = render(marked(answer.text, answer.sentences, complete), hooks);
  return html`<div class=${`prose${answer.phase === "writing" ? " growing" : ""}`} data-testid="answer-text">${body}</div>`;
}

/** What one document says, under its name and date: without a model nobody else weighs them. */
function Quotes({ span, children }) {
  return html`<section class="quotes-of"><p class="quotes-source" data-testid="quotes-source"><b>${span.title}</b>
    ${whereabouts(span).map((one) => html`<span key=${one}>${one}</span>`)}</p>${children}</section>`;
}

/** What documents say differently about the same, the newest first, each with the way to its place. */
function Conflict({ one, answer, chatKey }) {
  const { spans } = numbered(answer);
  const at = (citation) => spans.findIndex((span) => span.document_id === citation.document_id && span.start === citation.start);
  return html`<aside class="conflict" data-testid="conflict"><b>${t("conflict.title")}</b><ul>
    ${one.sides.map((side) => {
      const index = at(side.citation);
      const span = spans[index];
      return html`<li key=${side.citation.start + side.citation.document_id} class=${side.superseded ? "old" : ""}>
        <b class="value">${side.value}</b> <span class="quiet">${span?.title ?? side.citation.document} · ${dated(side.modified_at)}${side.superseded && html` · ${t("card.superseded")}`}</span>
        ${index >= 0 && html`<${Cites} spans=${[{ ...span, at: index }]} chatKey=${chatKey} messageId=${answer.message_id} />`}</li>`;
    })}</ul></aside>`;
}

/** A document that states only its year is dated to its first moment. */
function dated(time) {
  const at = new Date(time * 1000);
  return at.getUTCMonth() === 0 && at.getUTCDate() === 1 && at.getUTCHours() === 0 ? String(at.getUTCFullYear()) : day(time);
}

function Ghost() {
  return html`<div class="loading ghost" aria-hidden="true"><div class="skeleton line"></div>
    <div class="skeleton line"></div><div class="skeleton line short"></div></div>`;
}

function Hedge({ answer }) {
  return html`<aside class="note warn" data-testid="hedge"><b>${t("hedge.title")}</b> ${answer.reason || t("hedge.body")}</aside>`;
}

/** Nothing was found: said in the language of the question, with the three nearest places. */
function Refusal({ answer, chatKey }) {
  const words = answer.text || answer.reason || t("refusal.title");
  const why = answer.reason && answer.reason !== words ? answer.reason : "";
  return html`<section class="refusal" data-testid="refusal">
    <p class="refusal-words" lang=${answer.language}>${words}</p>
    ${why && html`<p class="quiet" lang=${answer.language}>${why}</p>`}
    ${answer.passages.length > 0 && html`<h2 class="label">${t("refusal.nearest")}</h2>
      <${NearestCards} answer=${answer} chatKey=${chatKey} />`}
    <p class="quiet">${t("refusal.way_out")}</p>
  </section>`;
}

/** How an answer that did not come to its end is shown: what happened, what still works, what to do. */
function Ending({ answer, again }) {
  const { phase, error } = answer;
  if (phase === "elsewhere") return html`<p class="note calm" data-testid="elsewhere"><i class="pulse" aria-hidden="true"></i>
    ${t("answer.elsewhere")}</p>`;
  const retry = html`<button class="button small" data-testid="retry" onClick=${again}>
    <${Icon} name="retry" size=${14} />${t("action.retry")}</button>`;
  if (phase === "stopped" || phase === "interrupted") return html`<div class="note calm ending" data-testid=${phase}>
    <span>${t(`answer.${phase}`)}${answer.text ? ` ${t("answer.kept")}` : ""}</span>${retry}</div>`;
  if (phase !== "failed") return null;
  const [title, body] = problem(error);
  return html`<div class="note bad ending" role="alert" data-testid="failed">
    <div><b>${title}</b><p>${body}</p>${error?.hint && html`<p class="hint"><code>${error.hint}</code></p>`}
      <p class="quiet">${t(answer.passages.length ? "answer.failed.sources" : "answer.failed.works")}</p></div>${retry}</div>`;
}

function problem(error) {
  if (error?.code === "unreachable") return [t("offline.title"), t("offline.body")];
  if (error?.code === "stream_cut") return [t("answer.cut.title"), t("answer.cut.body")];
  return [t("answer.failed.title"), error?.message || t("answer.failed.body")];
}
