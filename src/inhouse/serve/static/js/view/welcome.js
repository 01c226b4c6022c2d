// The first page: without documents, how to bring some; with them, what is here and the question field.
import { html } from "../html.js";
import { chatList, counts, house, scope } from "../state.js";
import { href, go } from "../router.js";
import { t } from "../i18n.js";
import { day, plural } from "../format.js";
import { focusComposer } from "../keys.js";
import { uploads } from "../uploads.js";
import { Icon, Mark } from "../icons.js";
import { Composer } from "./composer.js";
import { DropZone, IngestStrip, UploadList } from "./upload.js";
import { recent } from "./recent.js";

export function Welcome() {
  if (house.value === null) return html`<div class="welcome loading" aria-busy="true"><div class="skeleton title"></div>
    <div class="skeleton box"></div></div>`;
  return counts.value.total === 0 ? html`<${Empty} />` : html`<${Ready} />`;
}

function Empty() {
  return html`<div class="welcome empty" data-testid="empty">
    <${Mark} size=${44} />
    <h1>${t("empty.title")}</h1>
    <p class="lead">${t("empty.lead")}</p>
    <${DropZone} />
    ${uploads.value.length > 0 && html`<${UploadList} />`}
    <${IngestStrip} />
    <ol class="promises">
      ${["read", "prove", "stay"].map((name) => html`<li key=${name}>
        <${Icon} name=${{ read: "doc", prove: "quote", stay: "lock" }[name]} size=${20} />
        <b>${t(`empty.${name}.title`)}</b><span>${t(`empty.${name}.body`)}</span></li>`)}
    </ol>
  </div>`;
}

function Ready() {
  const { indexed, pending } = counts.value;
  const newest = recent.value;
  return html`<div class="welcome ready" data-testid="ready">
    <h1>${greeting()}</h1>
    <p class="lead">${plural("ready.lead", indexed)}${newest.length > 0 && html` <span class="fresh">
      ${t("ready.fresh", { day: day(Math.max(...newest.map((one) => one.ingested_at))) })}</span>`}</p>
    <${Composer} chatKey="new" live=${null} big />
    ${pending > 0 && html`<p class="quiet" data-testid="pending">${plural("ready.pending", pending)}</p>`}
    <${IngestStrip} />
    ${uploads.value.length > 0 && html`<${UploadList} />`}
    <div class="starts">
      <${RecentQuestions} />
      <${RecentDocuments} documents=${newest} />
    </div>
    <${Answering} />
  </div>`;
}

function greeting() {
  const hour = new Date().getHours();
  const part = hour < 5 ? "night" : hour < 12 ? "morning" : hour < 18 ? "day" : "evening";
  return t(`greeting.${part}`);
}

function RecentQuestions() {
  const byTitle = new Map((chatList.value ?? []).map((one) => [one.title, one]).reverse());
  const chats = [...byTitle.values()].reverse().slice(0, 4);
  if (!chats.length) return null;
  return html`<section><h2 class="label">${t("ready.questions")}</h2><ul class="start-list">
    ${chats.map((one) => html`<li key=${one.chat_id}><a class="start" href=${href("chat", one.chat_id)}
      onClick=${(event) => (event.preventDefault(), go(href("chat", one.chat_id)))}><${Icon} name="ask" size=${15} /><span>${one.title}</span></a></li>`)}
  </ul></section>`;
}

/** Real documents to start from: a click limits the question to one. */
function RecentDocuments({ documents }) {
  if (!documents.length) return null;
  const limit = (one) => {
    scope.value = { sources: [], document_ids: [one.document_id], label: one.title || one.document };
    focusComposer();
  };
  return html`<section><h2 class="label">${t("ready.documents")}</h2><ul class="start-list">
    ${documents.slice(0, 4).map((one) => html`<li key=${one.document_id}><button class="start" data-testid="ask-document"
      title=${t("ready.ask_document")} onClick=${() => limit(one)}><${Icon} name="doc" size=${15} /><span>${one.title || one.document}</span>
      <time>${day(one.modified_at)}</time></button></li>`)}
  </ul></section>`;
}

/** Who will answer, said before the first question. */
function Answering() {
  const { answering } = house.value;
  const where = answering?.where ?? "none";
  const what = [answering?.model, answering?.engine].filter(Boolean).join(" · ");
  return html`<p class="answering" data-testid="answering"><i class=${`dot ${where}`} aria-hidden="true"></i>
    ${where === "none" ? t("answering.none") : t(`answering.${where}`, { what })}</p>`;
}
