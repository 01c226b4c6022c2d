// The question field with what it is limited to. Enter sends, Shift+Enter breaks the line.
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { counts, limits, reachable } from "../state.js";
import { route } from "../router.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import { ask, stop } from "../asking.js";
import { COMPOSER } from "../keys.js";
import { Icon } from "../icons.js";
import { ScopeChip } from "./scope.js";

// What was typed and not yet asked, by chat; lost with the tab, kept across views.
const drafts = new Map();
const TALLEST = 240;

export function Composer({ chatKey, live, big = false }) {
  const field = useRef(null);
  const [text, setText] = useState(drafts.get(chatKey) ?? "");
  const most = limits.value.max_question_chars ?? 20_000;
  const busy = live && ["searching", "reading", "writing"].includes(live.phase);
  const blocked = !text.trim() || text.length > most || busy;
  useEffect(() => setText(drafts.get(chatKey) ?? ""), [chatKey]);
  useEffect(() => grow(field.current), [text]);
  useEffect(() => {
    const reading = Boolean(route.peek().m); // arrows walk the citations then
    if (!reading && matchMedia("(pointer: fine)").matches) field.current.focus({ preventScroll: true });
  }, [chatKey]);
  const type = (value) => {
    drafts.set(chatKey, value);
    setText(value);
  };
  const send = (event) => {
    event?.preventDefault();
    if (blocked) return;
    type("");
    ask(text.trim(), { chatId: chatKey === "new" ? null : chatKey });
  };
  const pressed = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return html`<form class=${`composer${big ? " big" : ""}`} data-testid="composer" onSubmit=${send}>
    <textarea id=${COMPOSER} data-testid="composer-input" ref=${field} rows="1" value=${text} aria-label=${t("composer.label")}
      placeholder=${t(chatKey === "new" ? "composer.first" : "composer.next")} onInput=${(event) => type(event.target.value)}
      onKeyDown=${pressed}></textarea>
    <div class="composer-row">
      <${ScopeChip} />
      <span class="composer-right">
        ${text.length > most * 0.9 && html`<span class=${`num${text.length > most ? " bad-text" : ""}`} role="status">
          ${t("composer.length", { n: number(text.length), most: number(most) })}</span>`}
        ${!reachable.value && html`<span class="bad-text">${t("composer.offline")}</span>`}
        ${busy ? html`<button type="button" class="go" data-testid="stop" title="Esc" aria-label=${t("action.stop")} onClick=${() => stop(chatKey)}>
            <${Icon} name="stop" size=${18} /></button>`
          : html`<button class="go" data-testid="send" aria-label=${t("action.ask")} title=${t("composer.keys")} disabled=${blocked}>
            <${Icon} name="arrow" size=${18} /></button>`}
      </span>
    </div>
    ${counts.value?.total > 0 && counts.value.indexed === 0 && html`<p class="quiet small">${t("composer.not_ready")}</p>`}
  </form>`;
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, TALLEST)}px`;
}
