// Keys that work everywhere: Ctrl+K new question, / to the question field, Esc stops or closes,
// arrows walk the citations while the panel is open.
import { confirmation, drawer, lives } from "./state.js";
import { route, go, href } from "./router.js";
import { dismissEnded, stop } from "./asking.js";
import { close, place, turn } from "./reading.js";
import { dismissed } from "./view/popover.js";

export const COMPOSER = "composer-input";

/** Put the cursor into the question field, if it is on screen. */
export function focusComposer() {
  document.getElementById(COMPOSER)?.focus();
}

export function newQuestion() {
  dismissEnded("new");
  go(href("new"));
  drawer.value = false;
  requestAnimationFrame(focusComposer);
}

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function escape() {
  if (confirmation.value) return false; // the dialog closes itself
  if (dismissed()) return true;
  const key = route.value.name === "chat" ? route.value.id : "new";
  if (document.querySelector("[data-menu-open]")) return false;
  if (drawer.value) drawer.value = false;
  else if (place.value) close();
  else if (lives.value[key]) stop(key);
  else return false;
  return true;
}

function pressed(event) {
  if (event.isComposing || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.code === "KeyK") {
    event.preventDefault();
    newQuestion();
    return;
  }
  if (event.key === "Escape" && escape()) {
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    event.preventDefault();
    focusComposer();
  } else if (place.value && event.key === "ArrowLeft") turn(-1);
  else if (place.value && event.key === "ArrowRight") turn(1);
}

export function start() {
  addEventListener("keydown", pressed);
}
