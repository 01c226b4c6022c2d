// The address of the page: `#/` new question, `#/c/ID?m=&s=` a chat with a citation (or `p=` a passage)
// open, `#/documents`, `#/sources`, `#/people`, `#/trash`, `#/d/ID?start=&end=` a document at a place. Everything in it survives a reload.
import { signal } from "../vendor/signals.js";

const VIEWS = ["documents", "sources", "people", "trash"];

export const route = signal(parse(location.hash));

/** The hash as `{name, id?, ...query}`. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const [, kind = "", id = ""] = path.split("/");
  const rest = Object.fromEntries(new URLSearchParams(query));
  if (kind === "c" && id) return { ...rest, name: "chat", id: decode(id) };
  if (kind === "d" && id) return { ...rest, name: "document", id: decode(id) };
  if (VIEWS.includes(kind)) return { ...rest, name: kind };
  return { name: "new" };
}

/** The hash of a route; empty values are left out. */
export function href(name, id = "", query = {}) {
  const path = { chat: "/c/", document: "/d/", new: "/" }[name] ?? `/${name}`;
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const tail = new URLSearchParams(kept).toString();
  return `#${path}${encodeURIComponent(id)}${tail ? `?${tail}` : ""}`;
}

/** Go to a hash. `replace` keeps the back button out of it. */
export function go(hash, { replace = false } = {}) {
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  route.value = parse(hash);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener("hashchange", () => (route.value = parse(location.hash)));
addEventListener("popstate", () => (route.value = parse(location.hash)));
