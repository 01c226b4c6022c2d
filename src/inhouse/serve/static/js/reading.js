// What the source panel shows: which place of which document, and the way to the next citation.
import { signal, computed } from "../vendor/signals.js";
import * as api from "./api.js";
import { chat, lives } from "./state.js";
import { route, go, href } from "./router.js";
import { numbered } from "./citations.js";
import { shapeOf } from "./chats.js";

const KEPT = 6;
const cache = new Map();

/** The document in the panel: `{document_id, status: "loading"|"ready"|"failed", document?, error?}`. */
export const shown = signal(null);

/** The answers on screen by message id, live ones included. */
const answers = computed(() => {
  const found = new Map();
  for (const message of chat.value?.messages ?? []) {
    const shape = shapeOf(message);
    if (shape) found.set(message.message_id, shape);
  }
  for (const live of Object.values(lives.value)) if (live.message_id) found.set(live.message_id, live);
  return found;
});

/**
 * The place the address points at, or null.
 *
 * `{document_id, start, end, page, quote, index, spans, message_id}`; `spans` are the citations to walk
 * through (empty for a document that was opened by itself), `index` counts from 0.
 */
export const place = computed(() => {
  const at = route.value;
  if (at.name === "document") {
    return { document_id: at.id, start: whole(at.start), end: whole(at.end), page: null, index: 0, spans: [] };
  }
  if (at.name !== "chat" || !at.m) return null;
  const answer = answers.value.get(at.m);
  if (!answer) return null;
  const { spans, extra } = numbered(answer);
  if (at.p) {
    const passage = [...answer.passages, ...extra][Number(at.p) - 1];
    return passage ? { ...passage, index: -1, spans, message_id: at.m } : null;
  }
  const index = Number(at.s) - 1;
  return spans[index] ? { ...spans[index], index, spans, message_id: at.m } : null;
});

const whole = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);

/** Open citation `index` of an answer. */
export function openCitation(chatId, messageId, index, options) {
  go(href("chat", chatId, { m: messageId, s: index + 1 }), options);
}

/** Open passage `index` of an answer: its first cited quote when there is one, else all of it. */
export function openPassage(chatId, answer, index) {
  const { spans } = numbered(answer);
  const cited = spans.findIndex((span) => span.number === index + 1);
  if (cited >= 0) openCitation(chatId, answer.message_id, cited);
  else go(href("chat", chatId, { m: answer.message_id, p: index + 1 }));
}

/** To the next (+1) or the previous (-1) citation of the answer. */
export function turn(step) {
  const at = place.value;
  if (!at?.spans.length || !at.message_id) return;
  const next = Math.max(0, Math.min(at.spans.length - 1, at.index + step));
  if (next !== at.index) openCitation(route.value.id, at.message_id, next, { replace: true });
}

export function close() {
  if (route.value.name === "document") go(href("documents"));
  else if (route.value.name === "chat") go(href("chat", route.value.id));
}

/** Fetch the document of the current place, unless it is at hand. */
export async function fetchShown(documentId) {
  if (cache.has(documentId)) {
    shown.value = { document_id: documentId, status: "ready", document: cache.get(documentId) };
    return;
  }
  shown.value = { document_id: documentId, status: "loading" };
  try {
    const document = await api.document_(documentId);
    cache.set(documentId, document);
    if (cache.size > KEPT) cache.delete(cache.keys().next().value);
    if (shown.value?.document_id === documentId) shown.value = { document_id: documentId, status: "ready", document };
  } catch (error) {
    if (shown.value?.document_id === documentId) shown.value = { document_id: documentId, status: "failed", error };
  }
}

/** The documents changed: look whether the one in the panel is still there and the same. */
export async function recheck() {
  const before = shown.value;
  if (before?.status !== "ready" || place.value?.document_id !== before.document_id) return;
  const id = before.document_id;
  try {
    const document = await api.document_(id);
    cache.set(id, document);
    const same = document.sha256 === before.document.sha256;
    if (!same && shown.value === before) shown.value = { document_id: id, status: "ready", document };
  } catch (error) {
    if (error.status === 404 && shown.value === before) shown.value = { document_id: id, status: "failed", error };
  }
}

/** Drop what is kept of one document, or of all. */
export function forget(documentId) {
  if (documentId) cache.delete(documentId);
  else cache.clear();
}

/** A link to a place of a document that works for whoever may open this address. */
export function linkTo(at) {
  const query = { start: at.start, end: at.end };
  return `${location.origin}${location.pathname}${href("document", at.document_id, query)}`;
}
