// What the house has read: every document with its state and reason, to search, open, download, remove.
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { confirmation, counts, scope } from "../state.js";
import { route, go, href } from "../router.js";
import { t } from "../i18n.js";
import { day, moment, number, plural, size } from "../format.js";
import { groups as fetchGroups, originalPath } from "../api.js";
import { filter, listing, load, more, narrow, remove } from "../library.js";
import { newQuestion } from "../keys.js";
import { readersOfUploads, uploads } from "../uploads.js";
import { Icon } from "../icons.js";
import { about } from "./about.js";
import { Readers, Tabs } from "./manage.js";
import { Choosers, DropZone, IngestStrip, UploadList } from "./upload.js";

const STATES = ["indexed", "pending", "empty", "refused"];

export function DocumentsView() {
  useEffect(() => {
    load();
  }, []);
  const all = counts.value;
  const none = all?.total === 0;
  return html`<main class="documents" tabindex="-1" data-testid="documents"><div class="wide-column"><${Tabs} name="documents" />
    <header class="documents-head"><div><h1>${t("documents.title")}</h1>
      ${all && !none && html`<p class="lead">${plural("documents.count", all.indexed)}${all.pending > 0 && html` · ${plural("documents.pending", all.pending)}`}
        ${all.refused + all.empty > 0 && html` · <button class="link-button" onClick=${() => narrow({ status: all.refused ? "refused" : "empty" })}>
          ${plural("documents.unread", all.refused + all.empty)}</button>`}</p>`}</div>
      ${!none && html`<div class="upload-tools"><${Choosers} strong /><${UploadReaders} /></div>`}</header>
    ${none && html`<${UploadReaders} />`}
    <${IngestStrip} />
    ${uploads.value.length > 0 && html`<${UploadList} />`}
    ${none ? html`<${DropZone} />` : html`<${Filters} /><${List} />`}
  </div></main>`;
}

/** Who may read what is uploaded next; only who administers the house chooses, others see nothing here. */
function UploadReaders() {
  const [groups, setGroups] = useState([]);
  useEffect(() => {
    fetchGroups().then((found) => setGroups(namesOf(found)), () => setGroups([]));
  }, []);
  if (!groups.length) return null;
  return html`<label class="upload-readers small">${t("upload.readers")} <select data-testid="upload-readers" value=${readersOfUploads.value}
    onChange=${(event) => (readersOfUploads.value = event.target.value)}><option value="">${t("upload.readers_default")}</option>
    ${groups.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`;
}

const namesOf = (found) => (found.groups ?? []).map((one) => one.group).filter((one) => one !== "everyone");

function Filters() {
  const timer = useRef(0);
  const typed = (event) => {
    const q = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => narrow({ q }), 180);
  };
  const { source, status } = filter.value;
  const sources = counts.value?.sources ?? [];
  return html`<div class="filters" role="search">
    <label class="find"><${Icon} name="search" size=${15} /><input type="search" data-testid="document-search" defaultValue=${filter.value.q}
      placeholder=${t("documents.search")} aria-label=${t("documents.search")} onInput=${typed} /></label>
    ${sources.length > 1 && html`<select data-testid="filter-source" aria-label=${t("documents.source")} value=${source}
      onChange=${(event) => narrow({ source: event.target.value })}><option value="">${t("documents.all_sources")}</option>
      ${sources.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>`}
    <select data-testid="filter-status" aria-label=${t("documents.status")} value=${status} onChange=${(event) => narrow({ status: event.target.value })}>
      <option value="">${t("documents.all_states")}</option>
      ${STATES.map((one) => html`<option key=${one} value=${one}>${t(`status.${one}`)}</option>`)}</select>
  </div>`;
}

function List() {
  const now = listing.value;
  if (now === null) return html`<div class="rows" aria-busy="true">${[1, 2, 3, 4].map((key) => html`<div class="skeleton row" key=${key}></div>`)}</div>`;
  if (now.error) return html`<div class="state-card bad" role="alert"><h2>${t("documents.failed")}</h2>
    <p>${now.error.code === "unreachable" ? t("offline.body") : now.error.message}</p><button class="button" onClick=${load}>${t("action.retry")}</button></div>`;
  if (!now.documents.length) return html`<div class="state-card" data-testid="no-documents"><h2>${t("documents.none")}</h2>
    <button class="button" onClick=${() => narrow({ q: "", source: "", status: "" })}>${t("documents.show_all")}</button></div>`;
  return html`<table class="rows" data-testid="document-rows">
    <thead><tr><th>${t("column.name")}</th><th>${t("column.status")}</th><th class="num">${t("column.pages")}</th>
      <th class="num">${t("column.size")}</th><th class="num">${t("column.date")}</th><th><span class="visually-hidden">${t("column.actions")}</span></th></tr></thead>
    <tbody>${now.documents.map((one) => html`<${Row} key=${one.document_id} one=${one} />`)}</tbody></table>
    <p class="quiet small list-foot"><span>${t("documents.shown", { n: number(now.documents.length), all: number(now.total) })}</span>
      ${now.documents.length < now.total && html`<button class="button small" data-testid="more-documents" onClick=${more}>${t("documents.more")}</button>`}</p>`;
}

function Row({ one }) {
  const name = one.title || one.document;
  const readable = one.status === "indexed" || one.status === "pending";
  const open = href("document", one.document_id);
  const on = route.value.name === "document" && route.value.id === one.document_id;
  const ask = () => {
    confirmation.value = {
      title: t("documents.remove.title"), body: t("documents.remove.body", { name }),
      action: t("action.remove"), run: () => remove(one),
    }; // prettier-ignore
  };
  const limit = () => {
    scope.value = { sources: [], document_ids: [one.document_id], label: name };
    newQuestion();
  };
  return html`<tr class=${on ? "on" : ""} data-testid="document-row" data-status=${one.status}>
    <td class="name"><a href=${open} onClick=${(event) => (event.preventDefault(), go(open))}>${name}</a>
      <span class="path">${one.source} / ${one.document}${!one.groups.includes("everyone") && html` <${Readers} groups=${one.groups} />`}</span>${one.reason && html`<span class="reason">${one.reason}</span>`}</td>
    <td class="state"><span class=${`status ${one.status}`}><i class="dot" aria-hidden="true"></i>${t(`status.${one.status}`)}</span></td>
    <td class="num pages" data-label=${t("column.pages")}>${one.page_count || "–"}</td>
    <td class="num" data-label=${t("column.size")}>${size(one.size_bytes)}</td>
    <td class="num" data-label=${t("column.date")} title=${t("documents.ingested", { when: moment(one.ingested_at) })}>${day(one.modified_at)}</td>
    <td class="row-tools">
      ${readable && html`<button class="plain" data-testid="document-ask" aria-label=${t("documents.ask", { name })} title=${t("ready.ask_document")} onClick=${limit}>
        <${Icon} name="ask" size=${15} /></button>`}
      <button class="plain" data-testid="document-about" aria-label=${t("documents.about", { name })} title=${t("documents.about_title")} onClick=${() => (about.value = one)}>
        <${Icon} name="lock" size=${15} /></button>
      <a class="plain" data-testid="document-download" aria-label=${t("documents.download", { name })} title=${t("panel.original")} download
        href=${originalPath(one.document_id)}><${Icon} name="download" size=${15} /></a>
      <button class="plain" data-testid="document-delete" aria-label=${t("documents.remove", { name })} title=${t("action.remove")} onClick=${ask}>
        <${Icon} name="trash" size=${15} /></button></td></tr>`;
}
