// Left side: new question, conversations by age with search, rename and remove, documents, language.
import { useRef, useState, useEffect } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { chatList, chatQuery, confirmation, counts, drawer, house, lives } from "../state.js";
import { route, go, href } from "../router.js";
import { t, lang, speak } from "../i18n.js";
import { theme, turn } from "../theme.js";
import { era, number } from "../format.js";
import { loadList, remove, rename } from "../chats.js";
import { newQuestion } from "../keys.js";
import { moving, summary } from "../uploads.js";
import { Icon, Mark } from "../icons.js";
import { isManaging } from "./manage.js";

export function Sidebar() {
  const closer = useRef(null);
  useEffect(() => {
    if (drawer.value) closer.current.focus();
  }, [drawer.value]);
  return html`<nav class="sidebar" aria-label=${t("nav.label")} data-testid="sidebar">
    <div class="side-top">
      <a class="brand" href=${href("new")} onClick=${follow(href("new"))}><${Mark} />inhouse</a>
      <button class="plain drawer-close" ref=${closer} aria-label=${t("action.close")} onClick=${() => (drawer.value = false)}>
        <${Icon} name="close" size=${20} /></button>
    </div>
    <button class="button new" data-testid="new-question" onClick=${newQuestion}>
      <span>${t("nav.new")}</span><kbd>Ctrl K</kbd></button>
    <${Search} />
    <${History} />
    <div class="side-foot">
      <${IngestLine} />
      <a class=${`side-link${isManaging() ? " on" : ""}`} data-testid="nav-documents"
        href=${href("documents")} onClick=${follow(href("documents"))}>
        <${Icon} name="folder" /><span>${t("nav.documents")}</span>
        ${counts.value && html`<span class="count">${number(counts.value.total)}</span>`}</a>
      <${Preferences} />
    </div>
  </nav>`;
}

const follow = (hash) => (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  drawer.value = false;
  go(hash);
};

function Search() {
  const timer = useRef(0);
  const typed = (event) => {
    chatQuery.value = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(loadList, 180);
  };
  return html`<div class="side-search"><${Icon} name="search" size=${14} />
    <input type="search" data-testid="chat-search" placeholder=${t("history.search")} aria-label=${t("history.search")}
      value=${chatQuery.value} onInput=${typed} /></div>`;
}

function History() {
  const chats = chatList.value;
  if (chats === null) return html`<div class="history" aria-busy="true">
    ${[1, 2, 3].map((key) => html`<div class="skeleton line" key=${key}></div>`)}</div>`;
  const groups = { today: [], week: [], earlier: [] };
  for (const one of chats) groups[era(one.updated_at)].push(one);
  return html`<div class="history" data-testid="history">
    ${!chats.length && html`<p class="quiet">${t(chatQuery.value ? "history.none" : "history.empty")}</p>`}
    ${Object.entries(groups).map(([name, some]) => some.length > 0 && html`<section key=${name}>
      <h2>${t(`history.${name}`)}</h2>
      <ul>${some.map((one) => html`<${Entry} key=${one.chat_id} one=${one} />`)}</ul></section>`)}
  </div>`;
}

function Entry({ one }) {
  const [editing, edit] = useState(false);
  const on = route.value.name === "chat" && route.value.id === one.chat_id;
  if (editing) return html`<li><${TitleField} one=${one} done=${() => edit(false)} /></li>`;
  const ask = () => {
    confirmation.value = {
      title: t("chat.remove.title"), body: t("chat.remove.body", { title: one.title }),
      action: t("action.remove"), run: () => remove(one.chat_id),
    }; // prettier-ignore
  };
  return html`<li class=${`chat-entry${on ? " on" : ""}`} data-testid="chat-entry">
    <a href=${href("chat", one.chat_id)} aria-current=${on ? "page" : undefined} title=${one.title}
      onClick=${follow(href("chat", one.chat_id))} onDblClick=${() => edit(true)}>
      ${lives.value[one.chat_id] && html`<i class="pulse" aria-hidden="true"></i>`}${one.title}</a>
    <span class="entry-tools">
      <button class="plain" aria-label=${t("chat.rename", { title: one.title })} title=${t("action.rename")}
        data-testid="chat-rename" onClick=${() => edit(true)}><${Icon} name="edit" size=${14} /></button>
      <button class="plain" aria-label=${t("chat.remove", { title: one.title })} title=${t("action.remove")}
        data-testid="chat-delete" onClick=${ask}><${Icon} name="trash" size=${14} /></button>
    </span></li>`;
}

function TitleField({ one, done }) {
  const field = useRef(null);
  const left = useRef(false);
  useEffect(() => field.current.select(), []);
  const end = (keep) => {
    if (left.current) return;
    left.current = true;
    if (keep && field.current.value.trim() !== one.title) rename(one.chat_id, field.current.value);
    done();
  };
  const pressed = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    end(event.key === "Enter");
  };
  return html`<input class="title-field" data-testid="chat-title-input" ref=${field} defaultValue=${one.title}
    aria-label=${t("chat.title")} maxlength="200" onKeyDown=${pressed} onBlur=${() => end(true)} />`;
}

/** One line while documents are taken in, visible from every view. */
function IngestLine() {
  const running = house.value?.ingest?.[0];
  if (!running && !moving.value.length) return null;
  const share = running?.total_files ? running.done_files / running.total_files : 0;
  const words = running?.total_files > 1
    ? t("ingest.short", { done: number(running.done_files), all: number(running.total_files) })
    : moving.value.length ? summary() : t(`ingest.${running.state}`, { source: running.source }); // prettier-ignore
  return html`<a class="ingest-line" data-testid="ingest-line" href=${href("documents")} onClick=${follow(href("documents"))}>
    <span><i class="pulse" aria-hidden="true"></i>${words}</span><progress max="1" value=${share || undefined}></progress></a>`;
}

function Preferences() {
  return html`<div class="preferences">
    <div class="segments" role="group" aria-label=${t("prefs.language")}>
      ${["ru", "en"].map((one) => html`<button key=${one} data-testid=${`lang-${one}`} aria-pressed=${lang.value === one}
        lang=${one} title=${one === "ru" ? "Русский" : "English"} onClick=${() => speak(one)}>${one.toUpperCase()}</button>`)}
    </div>
    <button class="plain" data-testid="theme" title=${t(`prefs.theme.${theme.value}`)} aria-label=${t(`prefs.theme.${theme.value}`)}
      onClick=${turn}><${Icon} name=${theme.value} size=${17} /></button>
    ${house.value && html`<span class="version">${house.value.version}</span>`}
  </div>`;
}
