// Files from a drop or a chooser, folders included, as `{name, file}` with the path below the folder.
import { add } from "./uploads.js";
import { dragging, tell } from "./state.js";
import { t } from "./i18n.js";

// What a desktop leaves in every folder and nobody means to upload.
const NOISE = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|~\$[^/]*)$/i;
const MOST = 20_000;

/** Everything a drop holds. Entries must be taken before the first await: the list dies with the event. */
export async function fromDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, above, found) {
  if (found.length >= MOST) return;
  const name = above ? `${above}/${entry.name}` : entry.name;
  if (entry.isFile) {
    found.push({ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const child of some) await walk(child, name, found);
  }
}

/** Files of an `<input type=file>`; a folder input gives the relative path. */
export const fromInput = (list) => [...list].map((file) => ({ name: file.webkitRelativePath || file.name, file }));

/** Queue files and say so; the noise of desktops is left out. */
export function take(files) {
  const wanted = files.filter(({ name }) => !NOISE.test(name));
  if (wanted.length) add(wanted);
  else tell(t("upload.nothing"));
}

const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** Let files be dropped anywhere in the window. */
export function start() {
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    dragging.value = true;
  });
  addEventListener("dragleave", (event) => {
    if (!holdsFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) dragging.value = false;
  });
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    dragging.value = false;
    try {
      take(await fromDrop(event.dataTransfer));
    } catch (error) {
      tell(t("upload.unreadable", { reason: error.message }), "bad");
    }
  });
}
