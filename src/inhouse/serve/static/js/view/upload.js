// Bringing files in: the zone, the buttons, the state of each file, the strip of a running ingest.
import { useRef } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { house, limits } from "../state.js";
import { t } from "../i18n.js";
import { duration, number, plural, size } from "../format.js";
import { cancel, cancelAll, clear, isOver, moving, retry, uploads } from "../uploads.js";
import { fromInput, take } from "../dropping.js";
import { cancelJob } from "../api.js";
import { go, href } from "../router.js";
import { Icon } from "../icons.js";

const SHOWN = 200;

/** The two choosers; `children` name the first button. */
export function Choosers({ strong = false }) {
  const files = useRef(null);
  const folder = useRef(null);
  const chosen = (event) => {
    take(fromInput(event.target.files));
    event.target.value = "";
  };
  return html`<span class="choosers">
    <input ref=${files} class="visually-hidden" type="file" multiple tabindex="-1" aria-hidden="true" data-testid="file-input" onChange=${chosen} />
    <input ref=${folder} class="visually-hidden" type="file" webkitdirectory tabindex="-1" aria-hidden="true" data-testid="folder-input" onChange=${chosen} />
    <button type="button" class=${`button${strong ? " strong" : ""}`} data-testid="choose-files" onClick=${() => files.current.click()}>
      <${Icon} name="upload" />${t("upload.files")}</button>
    <button type="button" class="button" data-testid="choose-folder" onClick=${() => folder.current.click()}>
      <${Icon} name="folder" />${t("upload.folder")}</button>
  </span>`;
}

export function DropZone() {
  const { max_file_bytes: most, free_bytes: free } = limits.value;
  return html`<section class="dropzone" data-testid="dropzone" aria-label=${t("drop.label")}>
    <${Icon} name="upload" size=${28} />
    <b>${t("drop.title")}</b>
    <p>${t("drop.kinds")}</p>
    <${Choosers} strong />
    <p class="quiet small"><${Icon} name="lock" size=${13} />${t("drop.private")}
      ${most && html` <span>${t("drop.limits", { most: size(most), free: size(free ?? 0) })}</span>`}
      ${house.value?.ocr === false && html` <span>${t("drop.no_ocr")}</span>`}</p>
  </section>`;
}

/** Every file with its state; finished ones stay until they are put away. */
export function UploadList() {
  const all = uploads.value;
  const open = moving.value.length;
  const done = all.filter((one) => one.state === "done").length;
  const bad = all.filter((one) => ["refused", "failed"].includes(one.state)).length;
  return html`<section class="uploads" aria-label=${t("upload.label")} data-testid="uploads">
    <header><h2 class="label" role="status">${open > 0 && t("upload.moving", { done: number(all.length - open), all: number(all.length) })}
      ${open === 0 && done > 0 && plural("upload.finished", done)}${bad > 0 && html` <span class="bad-text">${plural("upload.refused", bad)}</span>`}</h2>
      ${open > 1 && html`<button class="quiet-button" data-testid="cancel-all" onClick=${cancelAll}>${t("upload.cancel_all")}</button>`}
      ${open === 0 && html`<button class="quiet-button" data-testid="clear-uploads" onClick=${clear}>${t("upload.clear")}</button>`}
    </header>
    <ul>${ordered(all).slice(0, SHOWN).map((one) => html`<${Row} key=${one.id} one=${one} />`)}</ul>
    ${all.length > SHOWN && html`<p class="quiet small">${plural("upload.more", all.length - SHOWN)}</p>`}
  </section>`;
}

const RANK = { sending: 0, processing: 0, refused: 1, failed: 1, waiting: 2, cancelled: 3, done: 3 };
const ordered = (all) => [...all].sort((a, b) => RANK[a.state] - RANK[b.state]);

function Row({ one }) {
  const words = one.state === "sending" ? t("upload.sending", { share: number(Math.floor(one.share * 100)) }) : t(`upload.state.${one.state}`);
  const busy = one.state === "sending" || one.state === "processing";
  const read = () => go(href("document", one.document_id));
  return html`<li class=${`upload ${one.state}`} data-testid="upload" data-state=${one.state}>
    <span class="upload-name" title=${one.name}>${one.state === "done" && one.document_id
      ? html`<button class="link-button" onClick=${read}>${one.name}</button>` : one.name}${one.group && html` <span class="tag">${one.group}</span>`}</span>
    <span class="upload-state">${one.state === "done" && html`<${Icon} name="check" size=${14} />`}
      ${["refused", "failed"].includes(one.state) && html`<${Icon} name="warn" size=${14} />`}${words}</span>
    <span class="num quiet">${size(one.size)}</span>
    <span class="row-tools">
      ${!isOver(one) && html`<button class="plain" data-testid="upload-cancel" aria-label=${t("upload.cancel", { name: one.name })}
        title=${t("action.cancel")} onClick=${() => cancel(one.id)}><${Icon} name="close" size=${14} /></button>`}
      ${["failed", "refused", "cancelled"].includes(one.state) && html`<button class="plain" data-testid="upload-retry"
        aria-label=${t("upload.retry", { name: one.name })} title=${t("action.retry")} onClick=${() => retry(one.id)}><${Icon} name="retry" size=${14} /></button>`}
    </span>
    ${busy && html`<progress max="1" value=${one.state === "sending" ? one.share : undefined} aria-label=${words}></progress>`}
    ${one.reason && html`<p class="reason">${one.reason}${one.hint && html` <code>${one.hint}</code>`}</p>`}
  </li>`;
}

/** One strip per job that runs or waits: how far, how fast, how long still. */
export function IngestStrip() {
  const mine = new Set(uploads.value.map((one) => one.job_id)); // they have a line of their own below
  const jobs = (house.value?.ingest ?? []).filter((job) => !mine.has(job.job_id));
  if (!jobs.length) return null;
  return html`<section class="strip" aria-label=${t("ingest.label")} data-testid="ingest-strip">
    ${jobs.slice(0, 3).map((job) => html`<${Job} key=${job.job_id} job=${job} />`)}</section>`;
}

function Job({ job }) {
  const rate = job.elapsed_s > 1 ? job.done_files / job.elapsed_s : 0;
  const known = job.total_files > 0;
  return html`<div class="job">
    <div class="job-line"><b>${t(`ingest.${job.state}`, { source: job.source })}</b>
      ${known && html`<span class="num">${t("ingest.files", { done: number(job.done_files), all: number(job.total_files) })}</span>`}
      ${rate > 0 && html`<span class="num">${t("ingest.rate", { n: number(rate, rate < 10 ? 1 : 0) })}</span>`}
      ${job.eta_s !== null && job.eta_s !== undefined && html`<span class="num">${t("ingest.left", { time: duration(job.eta_s * 1000) })}</span>`}
      <button class="quiet-button" onClick=${() => cancelJob(job.job_id)}>${t("action.cancel")}</button></div>
    <progress max="1" value=${known ? job.done_files / job.total_files : undefined} aria-label=${t("ingest.label")}></progress>
    ${job.current && html`<p class="quiet small current">${job.current}</p>`}
  </div>`;
}
