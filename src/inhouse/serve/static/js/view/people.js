// Who may read what: users with their groups and level, groups with their members, and "does she see this?".
import { useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { confirmation } from "../state.js";
import { t } from "../i18n.js";
import { number } from "../format.js";
import * as api from "../api.js";
import { Icon } from "../icons.js";
import { attempt, groupsIn, Manage, Readers, useFetched } from "./manage.js";
import { Explain } from "./explain.js";

const both = async () => {
  const [users, groups] = await Promise.all([api.users(), api.groups()]);
  return { ...users, ...groups };
};

export function PeopleView() {
  const [state, load] = useFetched(both);
  const { users = [], groups = [] } = state.data ?? {};
  return html`<${Manage} name="people" title=${t("manage.people")} lead=${t("people.lead")} state=${state} load=${load}>
    <section class="card-form"><h2>${t("explain.title")}</h2><${Explain} /></section>
    <h2 class="part-title">${t("people.users")}</h2>
    <${AddUser} load=${load} />
    ${users.length > 0 && html`<table class="rows" data-testid="user-rows"><thead><tr><th>${t("people.user")}</th><th>${t("people.groups")}</th>
      <th class="num">${t("people.level")}</th><th></th></tr></thead><tbody>${users.map((one) => html`<${User} key=${one.user} one=${one} load=${load} />`)}</tbody></table>`}
    <h2 class="part-title">${t("people.groups")}</h2>
    <${AddGroup} load=${load} />
    ${groups.length > 0 && html`<table class="rows" data-testid="group-rows"><thead><tr><th>${t("people.group")}</th><th>${t("people.members")}</th>
      <th class="num">${t("manage.documents")}</th><th></th></tr></thead><tbody>${groups.map((one) => html`<${Group} key=${one.group} one=${one} load=${load} />`)}</tbody></table>`}
  </${Manage}>`;
}

function AddUser({ load }) {
  const add = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = new FormData(form);
    const body = { user: given.get("user").trim(), level: Number(given.get("level") || 0), groups: groupsIn(given.get("groups")) };
    if (await attempt(() => api.addUser(body), t("people.added", { name: body.user }))) {
      form.reset();
      load();
    }
  };
  return html`<form class="inline-form" data-testid="user-form" onSubmit=${add}>
    <label>${t("people.user")}<input name="user" data-testid="user-name" required maxlength="128" autocomplete="off" /></label>
    <label>${t("people.groups")}<input name="groups" data-testid="user-groups" autocomplete="off" placeholder="hr, finance" /></label>
    <label>${t("people.level")}<input name="level" type="number" min="0" max="9" placeholder="0" /></label>
    <button class="button" data-testid="user-add">${t("people.add_user")}</button></form>`;
}

function AddGroup({ load }) {
  const add = async (event) => {
    event.preventDefault();
    const form = event.target;
    const group = new FormData(form).get("group").trim();
    if (await attempt(() => api.addGroup({ group }), t("people.added", { name: group }))) {
      form.reset();
      load();
    }
  };
  return html`<form class="inline-form" onSubmit=${add}>
    <label>${t("people.group")}<input name="group" data-testid="group-name" required maxlength="120" autocomplete="off" /></label>
    <button class="button" data-testid="group-add">${t("people.add_group")}</button></form>`;
}

function User({ one, load }) {
  const [editing, setEditing] = useState(false);
  const act = async (work, words) => (await attempt(work, words)) && load();
  const leave = () => {
    confirmation.value = {
      title: t("people.leave.title", { name: one.user }), body: t("people.leave.body"), action: t("people.leave"),
      run: () => act(() => api.leaveUser(one.user), t("people.left", { name: one.user })),
    }; // prettier-ignore
  };
  const save = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const wanted = groupsIn(given.get("groups"));
    const body = {
      level: Number(given.get("level") || 0),
      join: wanted.filter((name) => !one.groups.includes(name)), quit: one.groups.filter((name) => !wanted.includes(name)),
    }; // prettier-ignore
    if (await act(() => api.changeUser(one.user, body), t("readers.saved"))) setEditing(false);
  };
  const gone = one.left_at !== null;
  return html`<tr data-testid="user-row" class=${gone ? "gone" : ""}><td class="name"><b>${one.user}</b>${one.name && html`<span class="path">${one.name}</span>`}</td>
    <td>${editing ? html`<form class="inline-form" onSubmit=${save}><input name="groups" aria-label=${t("people.groups")} defaultValue=${one.groups.join(", ")} data-testid="user-edit-groups" />
        <input name="level" type="number" min="0" max="9" aria-label=${t("people.level")} defaultValue=${one.level} /><button class="button small" data-testid="user-save">${t("action.save")}</button></form>`
      : gone ? html`<span class="quiet">${t("people.gone")}</span>` : one.groups.length ? html`<${Readers} groups=${one.groups} />` : html`<span class="quiet">${t("people.only_everyone")}</span>`}</td>
    <td class="num">${number(one.level)}</td>
    <td class="row-tools">${!gone && html`<button class="plain" data-testid="user-edit" aria-label=${t("people.edit", { name: one.user })} onClick=${() => setEditing(!editing)}><${Icon} name="edit" size=${15} /></button>
      <button class="quiet-button" data-testid="user-leave" onClick=${leave}>${t("people.leave")}</button>`}
      ${gone && html`<button class="quiet-button" onClick=${() => act(() => api.changeUser(one.user, { back: true }))}>${t("people.back")}</button>`}</td></tr>`;
}

function Group({ one, load }) {
  const remove = () => {
    confirmation.value = {
      title: t("people.group_remove.title", { name: one.group }), body: t("people.group_remove.body", { n: number(one.documents) }), action: t("action.remove"),
      run: async () => (await attempt(() => api.removeGroup(one.group), t("people.removed", { name: one.group }))) && load(),
    }; // prettier-ignore
  };
  return html`<tr data-testid="group-row"><td class="name"><b>${one.group}</b>${one.title && html`<span class="path">${one.title}</span>`}
      ${!one.recorded && html`<span class="reason">${t("people.unrecorded")}</span>`}</td>
    <td>${one.members.length ? one.members.join(", ") : html`<span class="quiet">–</span>`}</td><td class="num">${number(one.documents)}</td>
    <td class="row-tools">${one.group !== "everyone" && html`<button class="plain" data-testid="group-remove" aria-label=${t("documents.remove", { name: one.group })} title=${t("action.remove")} onClick=${remove}>
      <${Icon} name="trash" size=${15} /></button>`}</td></tr>`;
}
