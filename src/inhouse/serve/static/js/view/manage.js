// The views behind the documents: where they come from, who may read them, what can still be brought back.
import { useCallback, useEffect, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { route, go, href } from "../router.js";
import { tell } from "../state.js";
import { t } from "../i18n.js";

const TABS = ["documents", "sources", "people", "trash"];

/** The way between these views; `name` is the one that is open. */
export function Tabs({ name }) {
  const follow = (hash) => (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(hash);
  };
  return html`<nav class="tabs" aria-label=${t("manage.label")}>${TABS.map((one) => html`<a key=${one} data-testid=${`tab-${one}`}
    class=${one === name ? "on" : ""} aria-current=${one === name ? "page" : undefined} href=${href(one)} onClick=${follow(href(one))}>${t(`manage.${one}`)}</a>`)}</nav>`;
}

/**
 * What a view has fetched: `[state, load]` with state `{status: "loading"|"ready"|"failed", data?, error?}`.
 *
 * Data that is there stays on screen while it is fetched anew.
 */
export function useFetched(fetcher) {
  const [state, setState] = useState({ status: "loading" });
  const load = useCallback(async () => {
    try {
      setState({ status: "ready", data: await fetcher() });
    } catch (error) {
      setState((before) => (before.data ? before : { status: "failed", error }));
    }
  }, []);
  useEffect(() => {
    load();
  }, []);
  return [state, load];
}

/** Do something that the server may refuse; say what it says, return whether it went well. */
export async function attempt(work, words) {
  try {
    await work();
  } catch (error) {
    tell(error.hint ? `${error.message} (${error.hint})` : error.message, "bad");
    return false;
  }
  if (words) tell(words);
  return true;
}

export function Manage({ name, title, lead, tools, state, load, children }) {
  const forbidden = state.status === "failed" && state.error.code === "forbidden";
  return html`<main class="documents" tabindex="-1" data-testid=${name}><div class="wide-column">
    <${Tabs} name=${name} />
    <header class="documents-head"><div><h1>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>${!forbidden && tools}</header>
    ${state.status === "loading" && html`<div class="rows" aria-busy="true">${[1, 2, 3].map((key) => html`<div class="skeleton row" key=${key}></div>`)}</div>`}
    ${forbidden && html`<div class="state-card" data-testid="not-yours"><h2>${t("manage.forbidden")}</h2><p>${t("manage.forbidden_body")}</p></div>`}
    ${state.status === "failed" && !forbidden && html`<div class="state-card bad" role="alert"><h2>${t("documents.failed")}</h2>
      <p>${state.error.code === "unreachable" ? t("offline.body") : state.error.message}</p><button class="button" onClick=${load}>${t("action.retry")}</button></div>`}
    ${state.status === "ready" && children}
  </div></main>`;
}

/** Names of groups as they are written: split at commas and blanks. */
export const groupsIn = (text) => text.split(/[\s,;]+/).filter(Boolean);

/** Who may read something, as small labels. */
export function Readers({ groups }) {
  if (!groups.length) return html`<span class="tag bad">${t("readers.nobody")}</span>`;
  return html`<span class="tags">${groups.map((one) => html`<span key=${one} class=${`tag${one === "everyone" ? " open" : ""}`}>
    ${one === "everyone" ? t("readers.everyone") : one}</span>`)}</span>`;
}

export const isManaging = () => TABS.includes(route.value.name) || route.value.name === "document";
