// The chip that says what a question is limited to, with a small menu: all documents, or one source.
import { useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { counts, scope } from "../state.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";

export const ALL = { sources: [], document_ids: [], label: "" };

export function ScopeChip() {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const sources = counts.value?.sources ?? [];
  const now = scope.value;
  const label = now.document_ids.length ? now.label : now.sources[0] ?? t("scope.all");
  useLayoutEffect(() => {
    if (!open) return;
    (box.current.querySelector("[aria-checked=true]") ?? box.current.querySelector("[role=menuitemradio]")).focus();
  }, [open]);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => box.current.contains(event.target) || setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const pick = (value) => {
    scope.value = value;
    setOpen(false);
    box.current.querySelector(".chip").focus();
  };
  return html`<span class="scope" ref=${box} data-menu-open=${open || undefined} onKeyDown=${(event) => open && move(event, box.current, setOpen)}>
    <button type="button" class=${`chip${label === t("scope.all") ? "" : " set"}`} data-testid="scope" aria-haspopup="menu"
      aria-expanded=${open} aria-label=${t("scope.label", { what: label })} onClick=${() => setOpen(!open)}>
      <${Icon} name=${now.document_ids.length ? "doc" : "folder"} size=${14} /><span>${label}</span><${Icon} name="chevron" size=${12} /></button>
    ${(now.sources.length > 0 || now.document_ids.length > 0) && html`<button type="button" class="plain" data-testid="scope-clear"
      aria-label=${t("scope.clear")} title=${t("scope.clear")} onClick=${() => pick(ALL)}><${Icon} name="close" size=${13} /></button>`}
    ${open && html`<div class="menu" role="menu" aria-label=${t("scope.menu")} data-testid="scope-menu">
      <${Choice} on=${!now.sources.length && !now.document_ids.length} pick=${() => pick(ALL)}>${t("scope.all")}</${Choice}>
      ${now.document_ids.length > 0 && html`<${Choice} on=${true} pick=${() => pick(now)}>${now.label}</${Choice}>`}
      ${sources.map((one) => html`<${Choice} key=${one} on=${now.sources[0] === one}
        pick=${() => pick({ sources: [one], document_ids: [], label: one })}>${one}</${Choice}>`)}
    </div>`}
  </span>`;
}

function Choice({ on, pick, children }) {
  return html`<button type="button" role="menuitemradio" aria-checked=${on} onClick=${pick}>
    <span class="tick">${on && html`<${Icon} name="check" size=${14} />`}</span><span>${children}</span></button>`;
}

function move(event, box, setOpen) {
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    setOpen(false);
    box.querySelector(".chip").focus();
    return;
  }
  const items = [...box.querySelectorAll("[role=menuitemradio]")];
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length].focus();
}
