// What the page knows, as signals. No fetching here: `chats.js`, `asking.js`, `library.js`, `uploads.js`
// and `sync.js` write, the views read.
import { signal, computed } from "../vendor/signals.js";

/** The last answer of /app/state; null until the first one came. */
export const house = signal(null);
/** False from the first call that got no answer until the next one that did. */
export const reachable = signal(true);

/** Conversations of the sidebar: null while loading. `chatQuery` filters them on the server. */
export const chatList = signal(null);
export const chatQuery = signal("");
/** The open conversation: `{chat_id, title, messages, missing?}` or null. */
export const chat = signal(null);
/** Answers being written in this tab, by chat id ("new" until the server named the chat). */
export const lives = signal({});
/** What this tab saw of answers that failed or were stopped, by message id: the server keeps no reason of failure. */
export const remains = signal({});

/** What the next question is limited to; `label` is for people. */
export const scope = signal({ sources: [], document_ids: [], label: "" });

/** One calm line at the foot: `{text, tone}` or null. */
export const notice = signal(null);
/** A question the page asks back: `{title, body, action, run}` or null. */
export const confirmation = signal(null);
/** The sidebar as a drawer on narrow screens. */
export const drawer = signal(false);
/** True while files are held over the window. */
export const dragging = signal(false);

export const counts = computed(() => house.value?.documents ?? null);
export const limits = computed(() => house.value?.limits ?? {});

let noticeTimer = 0;

/** Show a line for some seconds; the same place is used again, so there is never a pile of them. */
export function tell(text, tone = "calm") {
  clearTimeout(noticeTimer);
  notice.value = { text, tone };
  noticeTimer = setTimeout(() => (notice.value = null), 6000);
}
