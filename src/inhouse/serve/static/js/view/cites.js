// The numbers behind a sentence. Hover or focus shows the quote, a click opens the panel at it.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { openCitation, place } from "../reading.js";
import { hide, hideSoon, showSoon, show } from "./popover.js";

/** `spans` carry `at`, their index in the answer. Spans of one source share one number. `lack`: see `lack()`. */
export function Cites({ spans, lack, chatKey, messageId }) {
  const byNumber = new Map();
  for (const span of spans) byNumber.set(span.number, [...(byNumber.get(span.number) ?? []), span]);
  return html`<span class="cites">
    ${[...byNumber.values()].map((some) => html`<${Cite} key=${some[0].number} spans=${some} unsure=${Boolean(lack) || some.some((span) => span.doubtful || span.changed)}
      chatKey=${chatKey} messageId=${messageId} />`)}
    ${lack && html`<small class="nosource" data-testid="unsupported">${t(lack)}</small>`}
  </span>`;
}

function Cite({ spans, unsure, chatKey, messageId }) {
  const at = place.value;
  const on = at?.message_id === messageId && spans.some((span) => span.at === at.index);
  const first = spans[0];
  const label = t("cite.label", { n: first.number, title: first.title });
  const open = () => {
    hide();
    if (messageId) openCitation(chatKey, messageId, first.at);
  };
  return html`<button class=${`cite${unsure ? " unsure" : ""}${on ? " on" : ""}`} data-testid="cite" aria-label=${label} aria-pressed=${Boolean(on)}
    onClick=${open} onPointerEnter=${(event) => event.pointerType === "mouse" && showSoon(event.currentTarget, spans)}
    onPointerLeave=${hideSoon} onFocus=${(event) => event.currentTarget.matches(":focus-visible") && show(event.currentTarget, spans)}
    onBlur=${hide}>${first.number}</button>`;
}
