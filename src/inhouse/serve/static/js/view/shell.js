// The frame: sidebar, the view of the address, the source panel, and the few things that lie above them.
import { useEffect } from "../../vendor/preact-hooks.js";
import "../../vendor/signals.js";
import { html } from "../html.js";
import { chat, dragging, drawer, notice, reachable } from "../state.js";
import { route } from "../router.js";
import { t, lang } from "../i18n.js";
import { place } from "../reading.js";
import { newQuestion } from "../keys.js";
import { refresh } from "../sync.js";
import { Icon, Mark } from "../icons.js";
import { Sidebar } from "./sidebar.js";
import { ChatView } from "./chat.js";
import { DocumentsView } from "./documents.js";
import { SourcesView } from "./sources.js";
import { PeopleView } from "./people.js";
import { TrashView } from "./trash.js";
import { About } from "./about.js";
import { Panel } from "./panel.js";
import { Popover } from "./popover.js";
import { Confirmation } from "./confirmation.js";

const VIEWS = { documents: DocumentsView, document: DocumentsView, sources: SourcesView, people: PeopleView, trash: TrashView };

export function Shell() {
  const at = route.value;
  const reading = Boolean(place.value);
  useEffect(() => {
    const title = VIEWS[at.name] && at.name !== "document" ? t(`manage.${at.name}`) : at.name === "chat" && chat.value?.title;
    document.title = title ? `${title} · inhouse` : "inhouse";
  }, [at, chat.value?.title, lang.value]);
  const View = VIEWS[at.name];
  return html`<div class=${`app${reading ? " reading" : ""}${drawer.value ? " drawer-open" : ""}`}>
    <a class="skip" href="#composer-input" onClick=${skip}>${t("a11y.skip")}</a>
    <${Sidebar} />
    ${drawer.value && html`<div class="scrim" onClick=${() => (drawer.value = false)}></div>`}
    <div class="stage">
      <${TopBar} />
      ${!reachable.value && html`<${Unreachable} />`}
      ${View ? html`<${View} />` : html`<${ChatView} />`}
    </div>
    ${reading && html`<${Panel} />`}
    <${Popover} />
    <${Confirmation} />
    <${About} />
    <${Notice} />
    ${dragging.value && html`<${DropVeil} />`}
  </div>`;
}

function skip(event) {
  event.preventDefault();
  (document.getElementById("composer-input") ?? document.querySelector("main"))?.focus();
}

/** Only on narrow screens: the drawer's button, the mark, a new question. */
function TopBar() {
  return html`<header class="topbar">
    <button class="plain" data-testid="open-drawer" aria-label=${t("nav.open")} aria-expanded=${drawer.value}
      onClick=${() => (drawer.value = true)}><${Icon} name="menu" size=${20} /></button>
    <span class="brand"><${Mark} size=${20} />inhouse</span>
    <button class="plain" aria-label=${t("nav.new")} onClick=${newQuestion}><${Icon} name="plus" size=${20} /></button>
  </header>`;
}

function Unreachable() {
  return html`<div class="banner bad" role="alert" data-testid="unreachable">
    <${Icon} name="offline" size=${18} />
    <div><b>${t("offline.title")}</b> <span>${t("offline.body")}</span></div>
    <button class="button small" onClick=${refresh}>${t("action.retry")}</button>
  </div>`;
}

function Notice() {
  const now = notice.value;
  return html`<div class="notice-place" role="status" aria-live="polite">
    ${now && html`<div class=${`notice ${now.tone}`} data-testid="notice">${now.text}
      <button class="plain" aria-label=${t("action.close")} onClick=${() => (notice.value = null)}>
        <${Icon} name="close" size=${14} /></button></div>`}
  </div>`;
}

function DropVeil() {
  return html`<div class="veil" data-testid="drop-veil"><div>
    <${Icon} name="upload" size=${34} /><b>${t("drop.title")}</b><span>${t("drop.private")}</span>
  </div></div>`;
}
