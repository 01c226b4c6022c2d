// The newest indexed documents, for the welcome page; fetched again when the library changes.
import { signal, effect } from "../../vendor/signals.js";
import * as api from "../api.js";
import { counts } from "../state.js";

export const recent = signal([]);

let seen = null;

effect(() => {
  const now = counts.value;
  if (!now || now.revision === seen) return;
  seen = now.revision;
  load();
});

async function load() {
  try {
    const { documents } = await api.documents({ status: "indexed", limit: 4, offset: 0 });
    recent.value = documents;
  } catch (error) {
    if (error.code !== "unreachable") recent.value = [];
  }
}
