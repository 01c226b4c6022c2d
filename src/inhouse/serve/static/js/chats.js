// Conversations: load, open, rename, remove. Tells the other tabs after every change.
import * as api from "./api.js";
import { chat, chatList, chatQuery, remains, tell } from "./state.js";
import { route, go, href } from "./router.js";
import { t } from "./i18n.js";
import { announce } from "./channel.js";

let listAsked = 0;

/** Fetch the list for the current search; an answer that was overtaken by a later one is dropped. */
export async function loadList() {
  const mine = ++listAsked;
  try {
    const { chats } = await api.chats(chatQuery.value);
    if (mine === listAsked) chatList.value = chats;
  } catch (error) {
    if (mine === listAsked && chatList.value === null) chatList.value = [];
    if (error.code !== "unreachable") tell(error.message, "bad");
  }
}

/** Show a chat; what is open already stays on screen while it is fetched again. */
export async function open(chatId) {
  if (chat.value?.chat_id !== chatId) chat.value = { chat_id: chatId, title: "", messages: null };
  try {
    const fresh = await api.chat(chatId);
    if (chat.value?.chat_id === chatId) chat.value = fresh;
  } catch (error) {
    if (chat.value?.chat_id !== chatId) return;
    if (error.status === 404) chat.value = { chat_id: chatId, title: "", messages: [], missing: true };
    else if (chat.value.messages === null) chat.value = { chat_id: chatId, title: "", messages: [], error };
  }
}

export async function rename(chatId, title) {
  const clean = title.trim();
  if (!clean) return;
  try {
    await api.renameChat(chatId, clean);
  } catch (error) {
    tell(error.message, "bad");
  }
  if (chat.value?.chat_id === chatId) chat.value = { ...chat.value, title: clean };
  await loadList();
  announce("chats");
}

export async function remove(chatId) {
  try {
    await api.removeChat(chatId);
  } catch (error) {
    if (error.status !== 404) return tell(error.message, "bad");
  }
  if (route.value.name === "chat" && route.value.id === chatId) go(href("new"), { replace: true });
  if (chat.value?.chat_id === chatId) chat.value = null;
  tell(t("chat.removed"));
  await loadList();
  return announce("chats");
}

/** The answer of a message in the shape the views draw, or null for a question. */
export function shapeOf(message) {
  if (message.role !== "assistant") return null;
  if (!shapes.has(message)) shapes.set(message, shape(message));
  return shapes.get(message);
}

const shapes = new WeakMap();

/** What the tab itself saw of an answer without an end; what the server kept of it goes before that. */
function remainsOf(message) {
  const { passages, sentences, receipt, error, text } = remains.peek()[message.message_id] ?? {};
  return passages ? { passages, sentences, receipt, error, text } : {};
}

function shape(message) {
  const answer = { ...remainsOf(message), ...message.answer };
  return {
    passages: [],
    sentences: [],
    receipt: null,
    band: "answer",
    reason: null,
    refused: false,
    error: null,
    ...answer,
    text: answer.answer || message.text || answer.text || "",
    phase: { done: "done", running: "elsewhere", cancelled: "stopped" }[message.status] ?? message.status,
    message_id: message.message_id,
  };
}
