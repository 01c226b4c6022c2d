// Text from models and documents to safe elements. Three walls: raw HTML is shown as the text it is,
// DOMPurify keeps an allow-list, and only known tags and one attribute cross into the page as vnodes
// (nothing is ever assigned to innerHTML). Images are never shown: their words are.
import { h } from "../vendor/preact.js";
import { Marked } from "../vendor/marked.js";
import DOMPurify from "../vendor/purify.js";
import { pieces } from "./citations.js";

const TAGS = [
  "p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "hr",
  "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a",
]; // prettier-ignore
const LINK = /^(?:https?:\/\/|mailto:)/i;
// Headings of an answer stand below the page's own: the question is the h2.
const RENAMED = { h1: "h3", h2: "h3", h3: "h4", h4: "h4", h5: "h4", h6: "h4" };

const escaped = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const parser = new Marked({
  gfm: true,
  breaks: false,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ text }) => escaped(text),
  },
});

/**
 * Markdown as vnodes.
 *
 * `onMarker(kind, index)` gives the vnode for a sentence marker; `isMarked()` says whether the text in
 * hand belongs to a sentence without a source, which is then wrapped in `<span class="un">`.
 */
export function render(source, { onMarker = () => null, isMarked = () => false } = {}) {
  const fragment = DOMPurify.sanitize(parser.parse(source), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  return children(fragment, { onMarker, isMarked });
}

function children(node, hooks) {
  const out = [];
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) out.push(...words(child.data, hooks));
    if (child.nodeType === Node.ELEMENT_NODE) out.push(element(child, hooks));
  }
  return out;
}

function words(text, { onMarker, isMarked }) {
  return pieces(text).map((piece) => {
    if (typeof piece !== "string") return onMarker(piece.kind, piece.index);
    return isMarked() && piece.trim() ? h("span", { class: "un" }, piece) : piece;
  });
}

function element(node, hooks) {
  const tag = node.localName;
  if (!TAGS.includes(tag)) return null;
  const inside = children(node, hooks);
  if (tag === "a") return link(node.getAttribute("href") ?? "", inside, node.textContent);
  if (tag === "table") return h("div", { class: "tablebox", tabindex: "0" }, h("table", null, inside));
  return h(RENAMED[tag] ?? tag, null, inside);
}

/** A link that says where it goes, unless its own words do; anything but http, https and mailto stays plain text. */
function link(address, inside, words) {
  if (!LINK.test(address)) return h("span", null, inside);
  const url = new URL(address);
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  return h("span", { class: "link" }, [
    h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href }, inside),
    [host, address, url.href].includes(words.trim()) ? null : h("span", { class: "host" }, ` (${host})`),
  ]);
}
