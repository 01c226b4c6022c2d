// One question on its way: from the click to the kept answer. A live answer is
// `{key, chat_id, message_id, question, regenerate, phase, passages, text, sentences, receipt, …}` with
// phase searching → reading → writing → done | stopped | failed.
import * as api from "./api.js";
import { chat, lives, remains, scope } from "./state.js";
import { route, go, href } from "./router.js";
import { loadList, open } from "./chats.js";
import { announce } from "./channel.js";
import { refresh } from "./sync.js";

const aborts = new Map();
const waiting = new Map();
let serial = 0;

/** The live answer of a chat ("new" for a chat without an id yet), or null. */
export const liveOf = (key) => lives.value[key] ?? null;

/** Ask in a chat (null: a new one). `regenerate` names the answer to write again. */
export async function ask(question, { chatId = null, regenerate = null } = {}) {
  const key = chatId ?? "new";
  if (lives.value[key] && !ended(lives.value[key])) return;
  const live = begin(question, chatId, regenerate);
  put(key, live);
  const abort = new AbortController();
  aborts.set(live.id, abort);
  const last = await listen(live, key, abort.signal);
  aborts.delete(live.id);
  await settle(last);
}

function begin(question, chatId, regenerate) {
  return {
    id: (serial += 1),
    chat_id: chatId,
    message_id: null,
    question,
    regenerate,
    limited: scope.value,
    phase: "searching",
    passages: [],
    text: "",
    sentences: [],
    receipt: null,
    band: "answer",
    reason: null,
    refused: false,
    error: null,
    started: performance.now(),
  };
}

const ended = (live) => ["done", "stopped", "failed"].includes(live.phase);

/** Read the stream to its end and return the last state of the live answer. */
async function listen(first, firstKey, signal) {
  let live = first;
  let key = firstKey;
  const { sources, document_ids } = scope.value;
  const request = { question: live.question };
  if (live.chat_id) request.chat_id = live.chat_id;
  if (live.regenerate) request.regenerate = live.regenerate;
  if (sources.length || document_ids.length) request.scope = { sources, document_ids };
  try {
    for await (const { event, data } of api.ask(request, signal)) {
      live = step(live, event, data);
      if (event === "started" && key === "new" && live.chat_id) key = adopt(live);
      else show(key, live);
      if (event === "started") announce("chats"); // other tabs show the question while it is answered
    }
    if (!ended(live)) live = { ...live, phase: "failed", error: cut() };
  } catch (error) {
    if (error.name === "AbortError") live = { ...live, phase: "stopped" };
    else live = { ...live, phase: "failed", error };
    if (error.code === "unreachable") refresh();
  }
  put(key, live);
  return live;
}

const cut = () => new api.ApiError("stream_cut", "", "", 0);

/** The live answer after one event. Pure. */
export function step(live, event, data) {
  switch (event) {
    case "started":
      return { ...live, chat_id: data.chat_id, message_id: data.message_id };
    case "passages":
      return { ...live, passages: data.passages, phase: "reading" };
    case "delta":
      return { ...live, text: live.text + data.text, phase: "writing" };
    case "sentence":
      return { ...live, sentences: [...live.sentences, data], phase: "writing" };
    case "receipt":
      return { ...live, receipt: data };
    case "error":
      return { ...live, phase: "failed", error: new api.ApiError(data.code, data.message, data.hint, 0) };
    case "done":
      return { ...live, ...data, text: data.answer ?? live.text, phase: "done" };
    default:
      return live;
  }
}

/** The server named the chat: move the live answer under its id and the address with it. */
function adopt(live) {
  const { new: _moved, ...others } = lives.value;
  chat.value ??= { chat_id: live.chat_id, title: live.question, messages: [] };
  lives.value = { ...others, [live.chat_id]: live };
  if (route.value.name === "new") {
    chat.value = { chat_id: live.chat_id, title: live.question, messages: [] };
    go(href("chat", live.chat_id), { replace: true });
  }
  loadList();
  return live.chat_id;
}

/** Put deltas on the screen once per frame at most; a hidden tab shows them when it is seen again. */
function show(key, live) {
  const first = !waiting.has(key);
  waiting.set(key, live);
  if (!first) return;
  requestAnimationFrame(() => {
    const latest = waiting.get(key);
    waiting.delete(key);
    if (latest && lives.value[key]?.id === latest.id && !ended(lives.value[key])) put(key, latest);
  });
}

function put(key, live) {
  lives.value = { ...lives.value, [key]: live };
}

/** After the end: take the kept chat from the server, which is the truth from here on. */
async function settle(live) {
  if (!live.message_id) return; // nothing was kept: the error view with its retry stays
  if (live.phase !== "done") remains.value = { ...remains.value, [live.message_id]: live };
  for (let left = 6; left > 0; left -= 1) {
    const kept = await keptState(live);
    if (kept === "unknown") return;
    if (kept === "settled") break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const { [live.chat_id]: mine, ...others } = lives.value;
  if (mine?.id === live.id) lives.value = others;
  await loadList();
  announce("chats");
}

/** Whether the server has written the end of this answer: settled, running, or unknown (no answer). */
async function keptState(live) {
  if (chat.value?.chat_id !== live.chat_id) return "settled";
  await open(live.chat_id);
  if (chat.value?.chat_id !== live.chat_id) return "settled";
  const message = chat.value.messages?.find((one) => one.message_id === live.message_id);
  if (!message) return chat.value.messages === null || live.error?.code === "unreachable" ? "unknown" : "settled";
  return message.status === "running" ? "running" : "settled";
}

/** Stop writing; what has come stays. */
export function stop(key) {
  const live = lives.value[key];
  if (live) aborts.get(live.id)?.abort();
}

/** Put a question away that ended without being kept. */
export function dismissEnded(key) {
  const { [key]: live, ...others } = lives.value;
  if (live && ended(live)) lives.value = others;
}
