// The list of documents: filter, load more, remove.
import { signal } from "../vendor/signals.js";
import * as api from "./api.js";
import { tell } from "./state.js";
import { t } from "./i18n.js";
import { announce } from "./channel.js";
import { forget } from "./reading.js";
import { refresh } from "./sync.js";

const PAGE = 100;

export const filter = signal({ q: "", source: "", status: "" });
/** `{documents, total, error?}`, null while the first is loading. */
export const listing = signal(null);

let asked = 0;

/** Load the first window again (as long as what is shown now). */
export async function load() {
  const shown = Math.max(PAGE, listing.value?.documents.length ?? 0);
  await fetchWindow(0, Math.min(shown, 500), []);
}

export async function more() {
  const have = listing.value?.documents ?? [];
  await fetchWindow(have.length, PAGE, have);
}

async function fetchWindow(offset, limit, before) {
  const mine = ++asked;
  const query = { limit, offset };
  for (const [name, value] of Object.entries(filter.value)) if (value) query[name] = value;
  try {
    const { documents, total } = await api.documents(query);
    if (mine === asked) listing.value = { documents: [...before, ...documents], total };
  } catch (error) {
    if (mine === asked) listing.value = { documents: before, total: before.length, error };
  }
}

export async function narrow(change) {
  filter.value = { ...filter.value, ...change };
  await fetchWindow(0, PAGE, []);
}

export async function remove(document) {
  try {
    await api.removeDocument(document.document_id);
  } catch (error) {
    if (error.status !== 404) return tell(error.message, "bad");
  }
  forget(document.document_id);
  tell(t("documents.removed", { name: document.title || document.document }));
  await load();
  await refresh();
  return announce("documents");
}
