// A mail: its head as a mail program shows it, the message, then what was attached.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { size } from "../format.js";
import { Icon } from "../icons.js";

export function Mail({ layout, spot }) {
  const subject = layout.fields.find((one) => one.name === "subject");
  const rest = layout.fields.filter((one) => one.name !== "subject");
  return html`<article class="mail" data-testid="mail">
    ${subject && html`<h3 class="mail-subject">${spot.ink(subject.start, subject.end)}</h3>`}
    <dl class="mail-head">${rest.map((one) => html`<div key=${one.start}><dt>${t(`mail.${one.name.replace(/^from$/, "sender")}`)}</dt><dd>${spot.ink(one.start, one.end)}</dd></div>`)}</dl>
    <div class="mail-body">${spot.ink(layout.body_start, layout.body_end)}</div>
    ${(layout.parts ?? []).map((part) => html`<${Part} key=${`${part.name}${part.start}`} part=${part} spot=${spot} />`)}
  </article>`;
}

function Part({ part, spot }) {
  const read = part.end > part.start;
  return html`<details class="mail-part" data-testid="mail-part" open=${read && spot.touches(part.start, part.end)}>
    <summary><${Icon} name="file" size=${15} /><b>${part.name}</b> <span class="quiet">${size(part.size_bytes)}</span></summary>
    ${read ? html`<div class="mail-body">${spot.ink(part.start, part.end)}</div>` : html`<p class="quiet">${part.reason || t("panel.no_text")}</p>`}
  </details>`;
}
