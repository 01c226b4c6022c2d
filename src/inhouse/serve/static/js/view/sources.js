// Where documents come from: every source with its readers and how its last look went; add, run, change, remove.
import { useEffect, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { confirmation, house } from "../state.js";
import { go, href } from "../router.js";
import { t } from "../i18n.js";
import { moment, number, plural } from "../format.js";
import { narrow } from "../library.js";
import * as api from "../api.js";
import { Icon } from "../icons.js";
import { attempt, groupsIn, Manage, Readers, useFetched } from "./manage.js";
import { SourceForm } from "./sourceform.js";

const BUSY = ["waiting", "looking", "taking_in"];

export function SourcesView() {
  const [state, load] = useFetched(api.sources);
  const [adding, setAdding] = useState(false);
  const sources = state.data?.sources ?? [];
  const busy = sources.some((one) => BUSY.includes(one.state));
  useEffect(() => {
    load();
  }, [house.value?.documents?.revision]);
  useEffect(() => {
    const timer = busy ? setInterval(load, 1000) : 0;
    return () => clearInterval(timer);
  }, [busy]);
  const done = () => {
    setAdding(false);
    load();
  };
  const tools = !adding && html`<button class="button strong" data-testid="add-source" onClick=${() => setAdding(true)}><${Icon} name="plus" size=${16} />${t("sources.add")}</button>`;
  return html`<${Manage} name="sources" title=${t("manage.sources")} lead=${t("sources.lead")} tools=${tools} state=${state} load=${load}>
    ${adding && html`<${SourceForm} done=${done} cancel=${() => setAdding(false)} />`}
    ${!sources.length && !adding && html`<div class="state-card" data-testid="no-sources"><h2>${t("sources.none")}</h2><p>${t("sources.none_body")}</p></div>`}
    ${sources.map((one) => html`<${Source} key=${one.name} one=${one} load=${load} />`)}
  </${Manage}>`;
}

function Source({ one, load }) {
  const [editing, setEditing] = useState(false);
  const act = async (work, words) => (await attempt(work, words)) && load();
  const remove = () => {
    confirmation.value = {
      title: t("sources.remove.title", { name: one.name }), body: t("sources.remove.body", { n: number(one.documents) }),
      action: t("action.remove"), run: () => act(() => api.removeSource(one.name), t("sources.removed", { name: one.name })),
    }; // prettier-ignore
  };
  const show = () => {
    narrow({ source: one.name, q: "", status: "" });
    go(href("documents"));
  };
  const looked = one.looked_at ? t("sources.looked", { when: moment(one.looked_at) }) : t("sources.never");
  return html`<section class="source-card" data-testid="source" data-state=${one.state}>
    <header><h2>${one.name}</h2><span class="tag">${t(`sources.kind.${one.kind}`)}</span>
      <span class=${`status ${one.last?.state === "failed" ? "refused" : BUSY.includes(one.state) ? "pending" : "indexed"}`}><i class="dot" aria-hidden="true"></i>${t(`sources.state.${one.state}`)}</span>
      <span class="row-tools">
        ${one.kind !== "upload" && html`<button class="quiet-button" data-testid="source-run" disabled=${BUSY.includes(one.state)} onClick=${() => act(() => api.runSource(one.name))}>
          <${Icon} name="retry" size=${14} />${t("sources.run")}</button>
        <button class="quiet-button" data-testid="source-pause" onClick=${() => act(() => (one.state === "paused" ? api.resumeSource : api.pauseSource)(one.name))}>${t(one.state === "paused" ? "sources.resume" : "sources.pause")}</button>`}
        <button class="quiet-button" data-testid="source-edit" onClick=${() => setEditing(!editing)}>${t("sources.readers_edit")}</button>
        <button class="plain" data-testid="source-remove" aria-label=${t("documents.remove", { name: one.name })} title=${t("action.remove")} onClick=${remove}><${Icon} name="trash" size=${15} /></button>
      </span></header>
    ${one.address && html`<p class="path">${one.address}</p>`}
    <dl class="facts">
      <div><dt>${t("readers.label")}</dt><dd><${Readers} groups=${one.groups} />${one.rules.length > 0 && html` <span class="quiet small">${plural("sources.rules", one.rules.length)}</span>`}</dd></div>
      <div><dt>${t("manage.documents")}</dt><dd><button class="link-button" onClick=${show}>${number(one.documents)}</button></dd></div>
      <div><dt>${t("sources.every")}</dt><dd>${one.every_s ? one.every : t("sources.by_hand")} · ${looked}</dd></div>
      ${one.owner && html`<div><dt>${t("sources.owner")}</dt><dd>${one.owner}</dd></div>`}
    </dl>
    ${one.rules.length > 0 && html`<details><summary class="quiet small">${t("sources.rules_show")}</summary><table class="rows small-rows"><tbody>
      ${one.rules.map((rule) => html`<tr key=${rule.where}><td class="name">${rule.where}</td><td><${Readers} groups=${rule.groups} /></td></tr>`)}</tbody></table></details>`}
    ${editing && html`<${ReadersForm} one=${one} done=${() => (setEditing(false), load())} />`}
    ${one.last && html`<${Last} last=${one.last} />`}
  </section>`;
}

function ReadersForm({ one, done }) {
  const [text, setText] = useState(one.groups.join(", "));
  const save = async (event) => {
    event.preventDefault();
    if (await attempt(() => api.changeSource(one.name, { groups: groupsIn(text) }), t("readers.saved"))) done();
  };
  return html`<form class="inline-form" onSubmit=${save}><label>${t("readers.label")}
      <input data-testid="source-groups" value=${text} onInput=${(event) => setText(event.target.value)} placeholder="everyone" /></label>
    <button class="button strong" data-testid="source-save">${t("action.save")}</button><p class="quiet small">${t("readers.help")}</p></form>`;
}

/** What the last look brought, and what it said. */
function Last({ last }) {
  const words = ["added", "updated", "moved", "restored", "removed", "trashed", "empty", "refused"]
    .filter((word) => last[word] > 0)
    .map((word) => t(`sources.count.${word}`, { n: number(last[word]) }));
  return html`<div class=${last.state === "failed" ? "note bad" : "quiet small"} data-testid="source-last">
    ${words.length > 0 ? words.join(" · ") : last.state === "failed" ? t("sources.failed") : t("sources.same", { n: number(last.unchanged) })}
    ${last.words.length > 0 && html`<ul class="plain-list">${last.words.slice(0, 5).map((one) => html`<li key=${one}>${one}</li>`)}</ul>`}</div>`;
}
