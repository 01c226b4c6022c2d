// Files on their way in: waiting → sending (with a share) → processing → done | refused | failed |
// cancelled. Two travel at a time; the rest wait, so that a folder of thousands does not choke the browser.
import { signal, computed } from "../vendor/signals.js";
import * as api from "./api.js";
import { limits, tell } from "./state.js";
import { number, size } from "./format.js";
import { t } from "./i18n.js";
import { announce } from "./channel.js";
import { refresh } from "./sync.js";

const LANES = 2;
const LOOK_MS = 700;
const OVER = ["done", "refused", "failed", "cancelled"];

/** `{id, name, size, file, state, share, reason, hint, document_id, job_id}`, in the order they came. */
export const uploads = signal([]);
export const moving = computed(() => uploads.value.filter((one) => !OVER.includes(one.state)));
export const isOver = (one) => OVER.includes(one.state);

/** The group that may read what is uploaded from now on; empty: as the source says. */
export const readersOfUploads = signal("");

const requests = new Map();
let pumping = false;
let looking = 0;
let serial = 0;

/** Queue files (`{name, file}`); what is too large or does not fit is refused here, before a byte is sent. */
export function add(files) {
  const room = limits.value.free_bytes ?? Infinity;
  const largest = limits.value.max_file_bytes ?? Infinity;
  let promised = moving.value.reduce((sum, one) => sum + one.size, 0);
  const fresh = files.map(({ name, file }) => {
    const entry = {
      id: `u${(serial += 1)}`, name: name.normalize("NFC"), size: file.size, file,
      group: readersOfUploads.value,
      state: "waiting", share: 0, reason: "", hint: "", document_id: null, job_id: null,
    }; // prettier-ignore
    if (file.size > largest) return refuse(entry, t("upload.too_large", { size: size(file.size), limit: size(largest) }));
    if (promised + file.size > room) return refuse(entry, t("upload.no_room", { free: size(room) }));
    promised += file.size;
    return entry;
  });
  uploads.value = [...uploads.value, ...fresh];
  pump();
}

const refuse = (entry, reason) => ({ ...entry, state: "refused", reason });

function change(id, fields) {
  uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, ...fields } : one));
}

const find = (id) => uploads.value.find((one) => one.id === id);

async function pump() {
  if (pumping) return;
  pumping = true;
  const lanes = Array.from({ length: LANES }, async () => {
    for (let next = claim(); next; next = claim()) await send(next);
  });
  await Promise.all(lanes);
  pumping = false;
  if (uploads.value.some((one) => one.state === "waiting")) pump();
}

function claim() {
  const next = uploads.value.find((one) => one.state === "waiting");
  if (next) change(next.id, { state: "sending", share: 0 });
  return next;
}

/** Send one file with its progress; fetch cannot report it, hence XMLHttpRequest. */
function send(entry) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    requests.set(entry.id, request);
    request.open("POST", api.uploadPath(entry.name, entry.group));
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) change(entry.id, { share: event.loaded / event.total });
    });
    request.addEventListener("loadend", () => {
      requests.delete(entry.id);
      if (find(entry.id)?.state === "sending") received(entry.id, request);
      resolve();
    });
    request.send(entry.file);
  });
}

function received(id, request) {
  if (request.status === 202) {
    change(id, { state: "processing", share: 1, job_id: JSON.parse(request.responseText).job_id });
    refresh();
    watch();
    return;
  }
  const error = request.status ? api.readError(request.responseText, request.status) : null;
  const state = request.status === 413 || request.status === 400 ? "refused" : "failed";
  change(id, { state, reason: error?.message ?? t("upload.lost"), hint: error?.hint ?? "" });
}

/** Ask about the jobs in hand until none is left. */
function watch() {
  if (looking) return;
  looking = setTimeout(async () => {
    const open = uploads.value.filter((one) => one.state === "processing" && one.job_id);
    for (const one of open.slice(0, 20)) await lookAt(one);
    looking = 0;
    if (uploads.value.some((one) => one.state === "processing")) watch();
    else ended();
  }, LOOK_MS);
}

function ended() {
  refresh();
  announce("documents");
}

async function lookAt(entry) {
  try {
    const { progress, report } = await api.job(entry.job_id);
    if (report) change(entry.id, await known(entry, outcome(report, progress)));
    else if (progress.state === "failed") change(entry.id, { state: "failed", reason: progress.error ?? "" });
    else if (progress.state === "cancelled") change(entry.id, { state: "cancelled" });
  } catch (error) {
    if (error.status === 404) change(entry.id, { state: "failed", reason: t("upload.job_lost") });
  }
}

/** A file that was here before counts as what it was then: a refused one is not ready because it came again. */
async function known(entry, ended) {
  if (ended.state !== "done" || ended.document_id) return ended;
  const { documents } = await api.documents({ q: entry.name, source: "uploads", limit: 100, offset: 0 });
  const before = documents.find((one) => one.document === entry.name);
  if (!before) return ended;
  const state = ["refused", "empty"].includes(before.status) ? "refused" : "done";
  return { ...ended, state, document_id: before.document_id, reason: state === "done" ? ended.reason : before.reason || t("upload.empty") };
}

/** What a finished job says about its one file. */
export function outcome(report, progress) {
  const file = (report.outcomes ?? [])[0];
  if (file?.action === "refused") return { state: "refused", reason: file.reason ?? "", document_id: file.document_id };
  if (file?.action === "empty") return { state: "refused", reason: file.reason || t("upload.empty"), document_id: file.document_id };
  if (file) return { state: "done", document_id: file.document_id };
  if (report.state === "cancelled") return { state: "cancelled" };
  if (report.state === "failed") return { state: "failed", reason: progress?.error ?? "" };
  return { state: "done", reason: report.unchanged ? t("upload.unchanged") : "" };
}

export async function cancel(id) {
  const entry = find(id);
  if (!entry || isOver(entry)) return;
  change(id, { state: "cancelled" });
  requests.get(id)?.abort();
  if (entry.job_id) await api.cancelJob(entry.job_id).catch((error) => tell(error.message, "bad"));
}

export async function cancelAll() {
  await Promise.all(moving.value.map((one) => cancel(one.id)));
}

export function retry(id) {
  change(id, { state: "waiting", share: 0, reason: "", hint: "", job_id: null });
  pump();
}

/** Put the finished ones away. */
export function clear() {
  uploads.value = moving.value;
}

/** "3 of 10" for the small line in the sidebar. */
export function summary() {
  const all = uploads.value.length;
  return t("upload.summary", { done: number(all - moving.value.length), all: number(all) });
}
