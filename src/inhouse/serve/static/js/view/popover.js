// The small card over a citation number: the quote and where it stands. One for the whole page.
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";
import { signal } from "../../vendor/signals.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { whereabouts } from "./cards.js";
import { Icon } from "../icons.js";

const shown = signal(null);
const GAP = 8;
let timer = 0;

export function show(anchor, spans) {
  clearTimeout(timer);
  anchor.setAttribute("aria-describedby", "popover");
  shown.value = { anchor, spans };
}

export function showSoon(anchor, spans) {
  clearTimeout(timer);
  timer = setTimeout(() => anchor.isConnected && show(anchor, spans), 120);
}

export function hide() {
  clearTimeout(timer);
  shown.peek()?.anchor.removeAttribute("aria-describedby");
  shown.value = null;
}

/** Hide it if it is there; says whether it was. */
export function dismissed() {
  if (!shown.peek()) return false;
  hide();
  return true;
}

export function hideSoon() {
  clearTimeout(timer);
  timer = setTimeout(hide, 160);
}

export function Popover() {
  const now = shown.value;
  return now && html`<${Body} anchor=${now.anchor} spans=${now.spans} />`;
}

function Body({ anchor, spans }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const mark = anchor.getBoundingClientRect();
    const own = box.current.getBoundingClientRect();
    const left = Math.max(GAP, Math.min(mark.left + mark.width / 2 - own.width / 2, innerWidth - own.width - GAP));
    const above = mark.top - own.height - GAP;
    box.current.style.left = `${left}px`;
    box.current.style.top = `${above > GAP ? above : mark.bottom + GAP}px`;
    const away = () => hide();
    addEventListener("scroll", away, { capture: true, once: true, passive: true });
    return () => removeEventListener("scroll", away, { capture: true });
  }, [anchor, spans]);
  return html`<div class="popover" id="popover" role="tooltip" data-testid="popover" ref=${box}
    onPointerEnter=${() => clearTimeout(timer)} onPointerLeave=${hideSoon}>
    ${spans.map((span, index) => html`<figure key=${index}><blockquote>${span.quote}</blockquote>
      <figcaption><b>${span.title}</b><span>${whereabouts(span).join(" · ")}</span>
        ${span.verified && html`<span class="verified"><${Icon} name="check" size=${13} />${t("cite.verified")}</span>`}
        ${span.doubtful && html`<span class="doubt" data-testid="doubtful"><${Icon} name="warn" size=${13} />${t("cite.doubtful")}</span>`}
        ${span.changed && html`<span class="doubt"><${Icon} name="warn" size=${13} />${t("cite.changed")}</span>`}
        ${span.superseded && html`<span class="doubt">${t("card.superseded")}</span>`}
      </figcaption></figure>`)}
  </div>`;
}
