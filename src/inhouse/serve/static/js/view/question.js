// A question as the heading of its answer. A long one is folded, so that the answer stays in sight.
import { useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";

const LONG_CHARS = 500;
const LONG_LINES = 6;

export function Question({ text, first }) {
  const [whole, showWhole] = useState(false);
  const long = text.length > LONG_CHARS || text.split("\n").length > LONG_LINES;
  const heading = first ? "h1" : "h2";
  return html`<${heading} class=${`question${long ? " long" : ""}${long && !whole ? " folded" : ""}`} data-testid="question">${text}</${heading}>
    ${long && html`<button class="quiet-button question-fold" data-testid="question-fold" aria-expanded=${whole}
      onClick=${() => showWhole(!whole)}>${t(whole ? "question.less" : "question.more")}</button>`}`;
}
