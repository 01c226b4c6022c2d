// What many removals at once left: it can be brought back until its time is over, then it is gone for good.
import { html } from "../html.js";
import { confirmation } from "../state.js";
import { t } from "../i18n.js";
import { moment, number } from "../format.js";
import { refresh } from "../sync.js";
import * as api from "../api.js";
import { attempt, Manage, useFetched } from "./manage.js";

export function TrashView() {
  const [state, load] = useFetched(api.trash);
  const documents = state.data?.documents ?? [];
  const act = async (work, words) => {
    if (await attempt(work, words)) {
      await load();
      refresh();
    }
  };
  const empty = () => {
    confirmation.value = {
      title: t("trash.empty.title"), body: t("trash.empty.body", { n: number(documents.length) }), action: t("trash.empty"),
      run: () => act(() => api.emptyTrash({}), t("trash.emptied")),
    }; // prettier-ignore
  };
  const tools = documents.length > 0 && html`<span class="choosers"><button class="button strong" data-testid="restore-all" onClick=${() => act(() => api.restore({}), t("trash.restored"))}>${t("trash.restore_all")}</button>
    <button class="button" data-testid="empty-trash" onClick=${empty}>${t("trash.empty")}</button></span>`;
  return html`<${Manage} name="trash" title=${t("manage.trash")} lead=${t("trash.lead")} tools=${tools} state=${state} load=${load}>
    ${!documents.length && html`<div class="state-card" data-testid="no-trash"><h2>${t("trash.none")}</h2><p>${t("trash.none_body")}</p></div>`}
    ${documents.length > 0 && html`<table class="rows" data-testid="trash-rows"><thead><tr><th>${t("column.name")}</th><th>${t("trash.since")}</th><th>${t("trash.until")}</th><th></th></tr></thead>
      <tbody>${documents.map((one) => html`<tr key=${one.document_id} data-testid="trash-row"><td class="name">${one.document}<span class="path">${one.source}</span></td>
        <td class="num">${moment(one.trashed_at)}</td><td class="num">${moment(one.final_at)}</td>
        <td class="row-tools"><button class="quiet-button" data-testid="restore" onClick=${() => act(() => api.restore({ names: [one.document_id] }), t("trash.restored"))}>${t("trash.restore")}</button></td></tr>`)}</tbody></table>`}
  </${Manage}>`;
}
