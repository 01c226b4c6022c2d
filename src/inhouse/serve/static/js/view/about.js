// All about one document: who may read it and why, who sees it, and why a search does not bring it up.
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { signal } from "../../vendor/signals.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import * as api from "../api.js";
import { load } from "../library.js";
import { Icon } from "../icons.js";
import { attempt, groupsIn, Readers } from "./manage.js";
import { Explain } from "./explain.js";

/** The document whose dialog is open, as a row of the list, or null. */
export const about = signal(null);

export function About() {
  const one = about.value;
  return one && html`<${Dialog} key=${one.document_id} one=${one} />`;
}

function Dialog({ one }) {
  const dialog = useRef(null);
  const [groups, setGroups] = useState(one.groups);
  useLayoutEffect(() => {
    const from = document.activeElement;
    dialog.current.showModal();
    return () => from?.isConnected && from.focus();
  }, []);
  const end = () => (about.value = null);
  return html`<dialog ref=${dialog} class="dialog broad" data-testid="about" aria-labelledby="about-title" onClose=${end} onClick=${(event) => event.target === dialog.current && end()}>
    <div class="dialog-body">
      <header class="dialog-head"><h2 id="about-title">${one.title || one.document}</h2>
        <button class="plain" aria-label=${t("action.close")} onClick=${end}><${Icon} name="close" size=${18} /></button></header>
      <p class="path">${one.source} / ${one.document}</p>
      <section><h3 class="label">${t("readers.label")}</h3><p><${Readers} groups=${groups} /></p><${Refile} one=${one} groups=${groups} changed=${setGroups} />
        <p class="button-row"><button class="quiet-button" data-testid="about-outdated" onClick=${() => attempt(() => api.setOutdated(one.document_id, true), t("about.outdated_done"))}>${t("about.outdated")}</button>
          <button class="link-button small" onClick=${() => attempt(() => api.setOutdated(one.document_id, false), t("readers.saved"))}>${t("about.outdated_not")}</button></p></section>
      <section><h3 class="label">${t("explain.title")}</h3><${Explain} document=${one.document_id} /></section>
      <section><h3 class="label">${t("why.title")}</h3><${Why} one=${one} /></section>
    </div></dialog>`;
}

/** Other readers, from the next question on. */
function Refile({ one, groups, changed }) {
  const save = async (event) => {
    event.preventDefault();
    const wanted = groupsIn(new FormData(event.target).get("groups"));
    const body = { place: one.document_id, groups: wanted.length ? wanted : ["nobody"] };
    if (await attempt(() => api.setReaders(body), t("readers.saved"))) {
      changed(wanted);
      load();
    }
  };
  return html`<form class="inline-form" onSubmit=${save}><label class="wide">${t("readers.change")}
      <input name="groups" data-testid="about-groups" autocomplete="off" defaultValue=${groups.join(", ")} /></label>
    <button class="button" data-testid="about-save">${t("action.save")}</button></form><p class="quiet small">${t("readers.help")}</p>`;
}

function Why({ one }) {
  const [found, setFound] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    const query = new FormData(event.target).get("query").trim();
    try {
      setFound({ data: await api.searchWhy(query, one.document_id) });
    } catch (error) {
      setFound({ error });
    }
  };
  return html`<form class="inline-form" data-testid="why-form" onSubmit=${ask}><label class="wide">${t("why.query")}<input name="query" data-testid="why-query" required autocomplete="off" /></label>
      <button class="button" data-testid="why-ask">${t("why.ask")}</button></form>
    ${found?.error && html`<p class="note bad" role="alert">${found.error.message}</p>`}
    ${found?.data && html`<ul class="plain-list" data-testid="why-answer">
      ${found.data.reasons.map((one) => html`<li key=${one.code}>${one.words}${one.remedy && html`<br /><span class="quiet small">${one.remedy}</span>`}</li>`)}
      ${found.data.sought.lacking.length > 0 && html`<li class="quiet small">${t("why.lacking")} ${found.data.sought.lacking.join(", ")}</li>`}</ul>`}`;
}
