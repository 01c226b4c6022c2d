// Under each answer, one calm line: where it was made, by what, at what price, and how much is proved.
import { html } from "../html.js";
import { house } from "../state.js";
import { t } from "../i18n.js";
import { duration, money, number, plural } from "../format.js";
import { lack, numbered, proof } from "../citations.js";
import { whereabouts } from "./cards.js";
import { copy } from "../clipboard.js";
import { Icon } from "../icons.js";

export function Receipt({ answer, question, again, variants }) {
  const { receipt } = answer;
  const over = answer.phase === "done";
  if (!receipt && !answer.text && !variants) return null;
  return html`<footer class="receipt" data-testid="receipt">
    ${receipt && html`<${Facts} receipt=${receipt} refused=${answer.refused} />`}
    ${over && !answer.refused && html`<${Proof} answer=${answer} />`}
    <span class="actions">
      ${variants && html`<${Variants} ...${variants} />`}
      ${answer.text && html`<button class="quiet-button" data-testid="copy-answer" onClick=${() => copy(asText(question, answer), t("answer.copied"))}>
        <${Icon} name="copy" size=${14} />${t("action.copy")}</button>`}
      ${over && html`<button class="quiet-button" data-testid="again" title=${t("answer.again")} aria-label=${t("answer.again")} onClick=${again}>
        <${Icon} name="retry" size=${14} /></button>`}
    </span>
  </footer>`;
}

/** Which of several attempts at one question is shown. */
function Variants({ at, all, turn }) {
  return html`<span class="variants" data-testid="variants">
    <button class="plain" aria-label=${t("answer.variant_prev")} disabled=${at === 0} onClick=${() => turn(-1)}><${Icon} name="left" size=${14} /></button>
    <span class="num" aria-label=${t("answer.variant", { n: at + 1, all })}>${at + 1} / ${all}</span>
    <button class="plain" aria-label=${t("answer.variant_next")} disabled=${at === all - 1} onClick=${() => turn(1)}><${Icon} name="right" size=${14} /></button>
  </span>`;
}

/** Where an engine is set up, an answer without one needs its reason; elsewhere everybody knows it. */
const expected = () => house.value?.engines?.some((one) => one.allowed && one.kind !== "embedded");

function Facts({ receipt, refused }) {
  const { where, engine, model, reason, tokens_in, tokens_out, cost_micros, saved_micros } = receipt;
  const tokens = tokens_in !== null && tokens_out !== null && where !== "none";
  return html`
    <b class=${`where-made ${where}`} data-testid="where" title=${t(`where.${where}.long`)}>
      <i class="dot" aria-hidden="true"></i>${t(`where.${where}`)}</b>
    ${where !== "none" && html`<span>${[model, engine].filter(Boolean).join(" · ")}</span>`}
    ${where === "none" && !refused && html`<span data-testid="why-quotes">${expected() && reason ? reason : t("receipt.extract")}</span>`}
    ${tokens && html`<span class="num" title=${receipt.usage_estimated ? t("receipt.estimated") : ""}>
      ${receipt.usage_estimated ? "≈ " : ""}${t("receipt.tokens", { in: number(tokens_in), out: number(tokens_out) })}</span>`}
    <span class="num">${duration(receipt.ms.total)}</span>
    ${where !== "none" && html`<${Price} cost=${cost_micros} where=${where} />`}
    ${saved_micros > 0 && html`<span class="num">${t("receipt.saved", { sum: money(saved_micros) })}</span>`}`;
}

function Price({ cost, where }) {
  if (cost === null || cost === undefined) return where === "cloud" ? html`<span>${t("receipt.cost_unknown")}</span>` : null;
  return html`<span class="num" data-testid="cost">${money(cost)}</span>`;
}

function Proof({ answer }) {
  const { checked, all } = proof(answer);
  if (!all) return null;
  const whole = checked === all;
  return html`<span class=${whole ? "proved" : "partly"} data-testid="proof">
    <${Icon} name=${whole ? "check" : "warn"} size=${14} />${plural("receipt.checked", all, { checked: number(checked) })}</span>`;
}

/** The answer as plain text with its sources below, as it is put on the clipboard. */
export function asText(question, answer) {
  const { bySentence, spans } = numbered(answer);
  const body = answer.sentences.length && answer.phase === "done"
    ? answer.sentences.map((one, index) => {
        const marks = [...new Set(bySentence[index].map((at) => spans[at].number))].map((n) => `[${n}]`).join("");
        const bare = lack(one) && ` (${t(lack(one))})`;
        return `${one.text}${marks && ` ${marks}`}${bare}`;
      }).join(answer.receipt?.where === "none" ? "\n" : " ")
    : answer.text; // prettier-ignore
  const lines = [...new Map(spans.map((span) => [span.number, span])).values()]
    .sort((a, b) => a.number - b.number)
    .map((span) => `[${span.number}] ${[span.title, `${span.source}/${span.document}`, ...whereabouts(span)].join(" · ")}`);
  return [question, body, lines.length ? `${t("copy.sources")}\n${lines.join("\n")}` : ""].filter(Boolean).join("\n\n");
}
