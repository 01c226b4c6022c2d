// A conversation: questions as headings, answers under them, the composer below. Without one: the welcome.
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { chat, lives } from "../state.js";
import { route, href } from "../router.js";
import { t } from "../i18n.js";
import { exportPath } from "../api.js";
import { ask } from "../asking.js";
import { open, shapeOf } from "../chats.js";
import { Icon } from "../icons.js";
import { Answer } from "./answer.js";
import { Composer } from "./composer.js";
import { Question } from "./question.js";
import { Welcome } from "./welcome.js";

const START_GAP = 24;

export function ChatView() {
  const at = route.value;
  const key = at.name === "chat" ? at.id : "new";
  const live = lives.value[key] ?? null;
  if (key === "new" && !live) return html`<main class="welcome-main" tabindex="-1"><${Welcome} /></main>`;
  const opened = chat.value?.chat_id === key ? chat.value : null;
  return html`<main class="chat-main" tabindex="-1" data-testid="chat">
    <${Talk} key=${key} chatKey=${key} opened=${opened} live=${live} />
    ${!opened?.missing && html`<div class="dock"><${Composer} chatKey=${key} live=${live} /></div>`}
  </main>`;
}

function Talk({ chatKey, opened, live }) {
  const box = useRef(null);
  useFollow(box, live);
  useTarget(box, opened);
  const turns = turnsOf(opened?.messages ?? [], live);
  return html`<div class="talk" ref=${box}><div class="column">
    ${opened?.messages?.length > 0 && html`<${Tools} chatId=${chatKey} />`}
    ${opened?.missing && html`<${Missing} />`}
    ${opened?.error && html`<${Failed} error=${opened.error} again=${() => open(chatKey)} />`}
    ${opened && opened.messages === null && !live && html`<${Loading} />`}
    ${turns.map((one, index) => html`<${Turn} key=${index} turn=${one} first=${index === 0} chatKey=${chatKey} />`)}
  </div></div>`;
}

/**
 * Questions with the answers they got, oldest first.
 *
 * The same question asked again right after its answer is another attempt at one turn, not a new turn;
 * attempts without an end are left out once there is a later one. A live answer is the last attempt.
 */
export function turnsOf(messages, live) {
  const turns = [];
  let taken = false;
  for (const message of messages) {
    const last = turns.at(-1);
    if (message.role === "user") {
      if (last?.question !== message.text || !last.answers.length) turns.push({ question: message.text, answers: [] });
    } else if (last) {
      const mine = live !== null && message.message_id === live.message_id;
      taken ||= mine;
      last.answers.push(mine ? live : shapeOf(message));
    }
  }
  if (live && !taken) placeLive(turns, live);
  for (const turn of turns) turn.answers = turn.answers.filter((one, at, all) => at === all.length - 1 || one.phase === "done");
  return turns;
}

function placeLive(turns, live) {
  const again = turns.find((turn) => turn.answers.some((one) => one.message_id === live.regenerate && live.regenerate));
  const last = turns.at(-1);
  if (again) again.answers.push(live);
  else if (last && last.question === live.question && !last.answers.length) last.answers.push(live);
  else turns.push({ question: live.question, answers: [live] });
}

function Turn({ turn, first, chatKey }) {
  const { question, answers } = turn;
  const named = answers.findIndex((one) => one.message_id && one.message_id === route.value.m);
  const [which, setWhich] = useState(null);
  const last = answers.length - 1;
  const at = Math.min(which ?? (named >= 0 ? named : last), last);
  useEffect(() => setWhich(null), [answers.length]);
  const answer = answers[at];
  const again = () => ask(question, {
    chatId: chatKey === "new" ? null : chatKey, regenerate: answers[last]?.message_id ?? answers[last]?.regenerate ?? null,
  }); // prettier-ignore
  const variants = last > 0 ? { at, all: last + 1, turn: (step) => setWhich(Math.max(0, Math.min(last, at + step))) } : null;
  return html`<article class=${`turn${first ? " first" : ""}`} data-testid="turn" data-message=${answer?.message_id}>
    <${Question} text=${question} first=${first} />
    ${answer && html`<${Answer} key=${at} answer=${answer} question=${question} chatKey=${chatKey} again=${again} variants=${variants} />`}
  </article>`;
}

function Tools({ chatId }) {
  return html`<div class="chat-tools">
    ${["md", "json"].map((format) => html`<a key=${format} class="quiet-button" data-testid=${`export-${format}`} download
      href=${exportPath(chatId, format)} title=${t(`export.${format}`)}><${Icon} name="download" size=${14} />${format}</a>`)}
  </div>`;
}

function Missing() {
  return html`<div class="state-card" data-testid="chat-missing"><h1>${t("chat.missing.title")}</h1>
    <p>${t("chat.missing.body")}</p><a class="button" href=${href("new")}>${t("nav.new")}</a></div>`;
}

function Failed({ error, again }) {
  return html`<div class="state-card bad" role="alert"><h1>${t("chat.failed")}</h1>
    <p>${error.code === "unreachable" ? t("offline.body") : error.message}</p>
    <button class="button" onClick=${again}>${t("action.retry")}</button></div>`;
}

function Loading() {
  return html`<div class="loading" aria-busy="true" aria-label=${t("a11y.loading")}>
    <div class="skeleton title"></div><div class="skeleton line"></div><div class="skeleton line short"></div></div>`;
}

/** Let a growing answer move up until its question is at the top, then leave the scrolling to the reader. */
function useFollow(box, live) {
  const near = useRef(true);
  const id = live?.id ?? null;
  useEffect(() => {
    const element = box.current;
    const scrolled = () => {
      near.current = element.scrollHeight - element.scrollTop - element.clientHeight < 120;
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => element.removeEventListener("scroll", scrolled);
  }, []);
  useEffect(() => {
    if (id === null) return;
    near.current = true;
    box.current.querySelector(".turn:last-child")?.scrollIntoView({ block: "start" });
  }, [id]);
  useEffect(() => {
    const turn = box.current.querySelector(".turn:last-child");
    if (live?.phase !== "writing" || !near.current || !turn) return;
    const below = turn.getBoundingClientRect().top - box.current.getBoundingClientRect().top - START_GAP;
    if (below > 0) box.current.scrollTop += below;
  });
}

/** After a reload: bring the message that the address names into view, once; else the latest question. */
function useTarget(box, opened) {
  const done = useRef(false);
  const loaded = Boolean(opened?.messages?.length);
  useEffect(() => {
    if (!loaded || done.current) return;
    done.current = true;
    const all = [...box.current.querySelectorAll(".turn")];
    const named = all.find((one) => one.dataset.message && one.dataset.message === route.peek().m);
    (named ?? (all.length > 1 ? all.at(-1) : null))?.scrollIntoView({ block: "start" });
  }, [loaded]);
}
