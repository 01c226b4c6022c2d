// Adding a source: what kind, where it is, who may read it, how often to look.
import { useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import * as api from "../api.js";
import { attempt, groupsIn } from "./manage.js";

const KINDS = ["folder", "web", "imap", "s3", "webdav", "smb"];
const EVERY = ["", "5m", "15m", "1h", "6h", "24h", "never"];
/** What a kind usually has to be told besides its address; secrets are references, never the secret itself. */
const OPTIONS = { imap: ["user", "password"], s3: ["key", "secret"], webdav: ["user", "password"], smb: ["user", "password"], web: ["pages"] };

export function SourceForm({ done, cancel }) {
  const [kind, setKind] = useState("folder");
  const [known, setKnown] = useState(null);
  const save = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const options = {};
    for (const name of OPTIONS[kind] ?? []) if (given.get(`option.${name}`)) options[name] = given.get(`option.${name}`);
    const body = {
      name: given.get("name").trim(), kind, address: given.get("address").trim(), owner: given.get("owner").trim(),
      groups: groupsIn(given.get("groups")), options,
    }; // prettier-ignore
    if (given.get("every")) body.every = given.get("every");
    if (await attempt(() => api.addSource(body), t("sources.added", { name: body.name }))) done();
  };
  return html`<form class="card-form" data-testid="source-form" onSubmit=${save}>
    <div class="segments" role="group" aria-label=${t("sources.kind")}>${KINDS.map((one) => html`<button type="button" key=${one} data-testid=${`kind-${one}`}
      aria-pressed=${kind === one} onClick=${() => (setKind(one), setKnown(null))}>${t(`sources.kind.${one}`)}</button>`)}</div>
    <p class="quiet small">${t(`sources.about.${kind}`)}</p>
    <div class="fields">
      <label>${t("sources.name")}<input name="name" data-testid="source-name" required maxlength="200" autocomplete="off" /></label>
      <label class="wide">${t("sources.address")}<input name="address" data-testid="source-address" required placeholder=${t(`sources.example.${kind}`, { s: "https" })} autocomplete="off" /></label>
      ${(OPTIONS[kind] ?? []).map((one) => html`<label key=${`${kind}${one}`}>${t(`sources.option.${one}`)}<input name=${`option.${one}`} data-testid=${`option-${one}`} autocomplete="off"
        placeholder=${one === "password" || one === "secret" ? "env:NAME" : ""} /></label>`)}
      <label class="wide">${t("readers.label")}<input name="groups" data-testid="source-readers" required placeholder="hr, finance:2" autocomplete="off"
        value=${known ?? ""} onInput=${(event) => setKnown(event.target.value)} /></label>
      <label>${t("sources.every")}<select name="every">${EVERY.map((one) => html`<option key=${one} value=${one}>${one ? (one === "never" ? t("sources.by_hand") : one) : t("sources.usual")}</option>`)}</select></label>
      <label>${t("sources.owner")}<input name="owner" maxlength="128" autocomplete="off" /></label>
    </div>
    <p class="quiet small">${t("readers.help")} <button type="button" class="link-button" onClick=${() => setKnown("everyone")}>${t("readers.everyone")}</button></p>
    <div class="form-foot"><button class="button strong" data-testid="source-submit">${t("sources.add")}</button>
      <button type="button" class="button" onClick=${cancel}>${t("action.cancel")}</button></div>
  </form>`;
}
