// The page's two languages. The choice is kept in localStorage; the first time the browser's decides.
import { signal, effect } from "../vendor/signals.js";
import { words as en } from "./words-en.js";
import { words as ru } from "./words-ru.js";

const TABLES = { en, ru };
const KEY = "inhouse.lang";

export const lang = signal(initial());

function initial() {
  const kept = localStorage.getItem(KEY);
  if (kept in TABLES) return kept;
  return (navigator.languages ?? [navigator.language]).some((one) => one?.toLowerCase().startsWith("ru")) ? "ru" : "en";
}

/** The words for a key, with {names} filled in. An unknown key shows itself; a test finds it first. */
export function t(key, params = {}) {
  const text = TABLES[lang.value][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

export function speak(language) {
  lang.value = language;
  localStorage.setItem(KEY, language);
}

effect(() => {
  document.documentElement.lang = lang.value;
});
