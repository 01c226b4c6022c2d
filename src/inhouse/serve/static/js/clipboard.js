// Text to the clipboard, and a word that it is there. Browsers refuse it on pages that are not secure;
// then a hidden field and the old command do it.
import { tell } from "./state.js";
import { t } from "./i18n.js";

export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyOld(text)) return tell(t("copy.refused"), "bad");
  }
  return tell(done);
}

function copyOld(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const ok = document.execCommand("copy");
  field.remove();
  return ok;
}
