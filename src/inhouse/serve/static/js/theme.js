// Light, dark, or as the system says. Only a choice that differs from the system is kept.
import { signal, effect } from "../vendor/signals.js";

const KEY = "inhouse.theme";
const ORDER = ["auto", "light", "dark"];

export const theme = signal(ORDER.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto");

/** The next of auto, light, dark. */
export function turn() {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length];
  if (theme.value === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme.value);
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
