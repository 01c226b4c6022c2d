// @ts-check
import { Inhouse, InhouseError } from "./inhouse.js";

const query = new URLSearchParams(location.search);
const house = new Inhouse(query.get("inhouse") ?? "http://127.0.0.1:8484", query.get("key") ?? "");

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const question = /** @type {HTMLTextAreaElement} */ (document.getElementById("question"));
const stay = /** @type {HTMLInputElement} */ (document.getElementById("stay"));
const stop = /** @type {HTMLButtonElement} */ (document.getElementById("stop"));
const answer = /** @type {HTMLElement} */ (document.getElementById("answer"));
const badge = /** @type {HTMLElement} */ (document.getElementById("badge"));
const words = { local: "on this network", cloud: "in the cloud", none: "no model" };

/** @type {AbortController | null} */
let running = null;

/** @param {import("./inhouse.js").Used} used */
function show(used) {
  badge.className = `badge ${used.where}`;
  badge.textContent = `${used.where} · ${used.model || words[used.where]}`;
  badge.title = `Answered ${words[used.where]} by ${used.engine}: ${used.reason}`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  running?.abort();
  const mine = new AbortController();
  running = mine;
  answer.textContent = "";
  answer.className = "";
  badge.className = "badge";
  badge.textContent = "…";
  stop.disabled = false;
  try {
    const { used, pieces } = await house.chat([{ role: "user", content: question.value }], {
      maxTokens: 200,
      wishes: { localOnly: stay.checked },
      signal: mine.signal,
    });
    show(used);
    for await (const piece of pieces) answer.append(piece);
  } catch (error) {
    if (mine.signal.aborted) return;
    answer.className = "failed";
    answer.textContent = error instanceof InhouseError ? `${error.message} (${error.code})` : String(error);
    badge.className = "badge none";
    badge.textContent = "failed";
  } finally {
    if (running === mine) stop.disabled = true;
  }
});

stop.addEventListener("click", () => {
  running?.abort();
  stop.disabled = true;
});
