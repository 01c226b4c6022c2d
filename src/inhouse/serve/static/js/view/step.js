// The one line that changes while an answer is made, and opens to what was done.
import { html } from "../html.js";
import { counts } from "../state.js";
import { t } from "../i18n.js";
import { duration, number, plural } from "../format.js";

export function Step({ answer }) {
  const busy = ["searching", "reading", "writing"].includes(answer.phase);
  if (!busy && !answer.receipt) return null;
  return html`<div class="step" data-testid="step">
    ${busy ? html`<span class="step-words"><i class="pulse" aria-hidden="true"></i><b key=${answer.phase}>${now(answer)}</b></span>`
      : html`<${Done} answer=${answer} />`}
  </div>`;
}

function now(answer) {
  if (answer.phase === "searching") {
    const n = answer.limited?.document_ids.length || (answer.limited?.sources.length ? null : counts.value?.indexed);
    return n ? plural("step.searching", n) : t("step.searching");
  }
  if (answer.phase === "reading") return plural("step.reading", answer.passages.length);
  return t("step.writing");
}

function Done({ answer }) {
  const { receipt, passages } = answer;
  const searched = receipt.documents_searched;
  const line = answer.phase === "done" ? t("step.done", { time: duration(receipt.ms.total) }) : t(`step.${answer.phase}`);
  return html`<details class="trace"><summary data-testid="trace">
      <i class=${`dot ${answer.phase}`} aria-hidden="true"></i><b>${line}</b>
      ${searched > 0 && html`<span>${plural("step.searched", searched)}</span>`}
      ${passages.length > 0 && html`<span>${plural("step.read", passages.length)}</span>`}
      <span class="more">${t("step.show")}</span></summary>
    <div class="trace-body">
      <dl><dt>${t("trace.search")}</dt><dd>${duration(receipt.ms.search)}</dd>
        ${receipt.ms.first_token !== null && html`<dt>${t("trace.first")}</dt><dd>${duration(receipt.ms.first_token)}</dd>`}
        <dt>${t("trace.total")}</dt><dd>${duration(receipt.ms.total)}</dd>
        ${receipt.reason && html`<dt>${t("trace.route")}</dt><dd class="words">${receipt.reason}</dd>`}</dl>
      ${passages.length > 0 && html`<table><thead><tr><th>${t("trace.number")}</th><th>${t("trace.passage")}</th>
        <th class="num">${t("trace.score")}</th></tr></thead><tbody>
        ${passages.map((one, index) => html`<tr key=${index}><td class="num">${index + 1}</td>
          <td>${one.title || one.document}</td><td class="num">${number(one.score, 3)}</td></tr>`)}</tbody></table>`}
    </div></details>`;
}
