// Why somebody does or does not see a document, in words, with what would change it.
import { useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import * as api from "../api.js";
import { Icon } from "../icons.js";
import { Readers } from "./manage.js";

/** `document` is given where it is known already. */
export function Explain({ document = "" }) {
  const [found, setFound] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const user = given.get("user").trim();
    try {
      setFound({ data: await api.explain(user, document || given.get("document").trim()) });
    } catch (error) {
      setFound({ error });
    }
  };
  return html`<form class="inline-form" data-testid="explain-form" onSubmit=${ask}>
      <label>${t("people.user")}<input name="user" data-testid="explain-user" required autocomplete="off" /></label>
      ${!document && html`<label class="wide">${t("explain.document")}<input name="document" data-testid="explain-document" required autocomplete="off" /></label>`}
      <button class="button" data-testid="explain-ask">${t("explain.ask")}</button></form>
    ${found?.error && html`<p class="note bad" role="alert">${found.error.message}</p>`}
    ${found?.data && html`<${Explanation} one=${found.data} />`}`;
}

function Explanation({ one }) {
  return html`<div class=${`explanation ${one.may_read ? "yes" : "no"}`} data-testid="explanation" data-may=${one.may_read}>
    <p><${Icon} name=${one.may_read ? "check" : "lock"} size=${16} /> <b>${one.words}</b></p>
    <dl class="facts"><div><dt>${t("readers.label")}</dt><dd><${Readers} groups=${one.readers} /></dd></div>
      ${one.readers_from && html`<div><dt>${t("readers.reason")}</dt><dd>${one.readers_from}</dd></div>`}
      <div><dt>${t("explain.groups_of", { name: one.user })}</dt><dd>${one.groups.join(", ") || "–"}</dd></div></dl>
    ${one.changes.length > 0 && html`<h3 class="label">${t("explain.changes")}</h3><ul class="plain-list">
      ${one.changes.map((step) => html`<li key=${step.words}>${step.words}${step.command && html`<br /><code>${step.command}</code>`}</li>`)}</ul>`}</div>`;
}
