// Keeps the page and the house in step: /app/state often while something moves, seldom else, and at
// once on focus; other tabs tell of their changes over the channel.
import { effect } from "../vendor/signals.js";
import * as api from "./api.js";
import { chat, chatList, house, lives, reachable } from "./state.js";
import { route } from "./router.js";
import { loadList, open } from "./chats.js";
import { listen } from "./channel.js";
import { forget, recheck } from "./reading.js";
import * as library from "./library.js";

const BUSY_MS = 2000;
const CALM_MS = 15_000;
const LOST_MS = 3000;

let timer = 0;
let inFlight = null;

/** Look at the house now; calls that come meanwhile share the answer. */
export function refresh() {
  inFlight ??= look().finally(() => (inFlight = null));
  return inFlight;
}

async function look() {
  clearTimeout(timer);
  const before = house.value;
  try {
    const now = await api.state();
    const back = !reachable.value;
    reachable.value = true;
    house.value = now;
    if (!before || back || before.chats_revision !== now.chats_revision) chatsMoved();
    if (!before || back || before.documents.revision !== now.documents.revision) documentsMoved();
  } catch (error) {
    if (error.code === "unreachable") reachable.value = false;
  }
  timer = setTimeout(refresh, pace());
}

function pace() {
  if (!reachable.value) return LOST_MS;
  return house.value?.ingest?.length || elsewhere() ? BUSY_MS : CALM_MS;
}

/** An answer of the open chat is being written in another tab. */
function elsewhere() {
  const open_ = chat.value;
  return Boolean(open_?.messages?.some((one) => one.status === "running")) && !lives.value[open_.chat_id];
}

function chatsMoved() {
  loadList();
  const at = route.value;
  const gone = chat.value?.missing && chat.value.chat_id === at.id; // ids are never given again
  if (at.name === "chat" && !lives.value[at.id] && !gone) open(at.id);
}

function documentsMoved() {
  forget();
  recheck();
  if (library.listing.value) library.load();
}

/** Start looking. Returns nothing; runs as long as the page. */
export function start() {
  addEventListener("focus", refresh);
  addEventListener("online", refresh);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  listen((subject) => {
    refresh();
    if (subject === "chats") chatsMoved();
  });
  let opened = null;
  effect(() => {
    const at = route.value;
    const id = at.name === "chat" ? at.id : null;
    if (id === opened) return;
    opened = id;
    if (id === null) chat.value = null;
    else if (!lives.peek()[id] || chat.peek()?.chat_id !== id) queueMicrotask(() => open(id));
  });
  if (chatList.value === null) loadList();
  return refresh();
}
