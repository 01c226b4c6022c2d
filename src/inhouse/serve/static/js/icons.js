// Line icons on a 24 grid, drawn as elements: no icon font, no emoji, no request.
import { html } from "./html.js";

const PATHS = {
  arrow: "M12 19V5m-6 6 6-6 6 6",
  ask: "M4 5h16v11H9l-5 4V5Z",
  auto: "M12 3a9 9 0 1 0 0 18Zm0 0a9 9 0 0 1 0 18",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevron: "m7 10 5 5 5-5",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  doc: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  download: "M12 4v11m-5-4.5 5 5 5-5M5 20h14",
  edit: "m5 19 1-4L16 5l3 3L9 18l-4 1Z",
  folder: "M3 6h6l2 2h10v11H3z",
  left: "m14 6-6 6 6 6",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  menu: "M4 7h16M4 12h16M4 17h16",
  offline: "M4 9a12 12 0 0 1 16 0M7.5 13a7 7 0 0 1 9 0M12 18h.01M4 4l16 16",
  plus: "M12 5v14M5 12h14",
  quote: "M5 17V12c0-3 1.5-4.5 4-5M14 17v-5c0-3 1.5-4.5 4-5M5 12h4v5H5zM14 12h4v5h-4z",
  retry: "M19 12a7 7 0 1 1-2-5m2-3v4h-4",
  right: "m10 6 6 6-6 6",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.5 4.5",
  stop: "M7 7h10v10H7z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  upload: "M12 16V5m-5 4.5 5-5 5 5M5 20h14",
  warn: "M12 4 2.5 20h19L12 4Zm0 6v5m0 2.6v.1",
};

/** One icon of 16 px (`size` changes it); decoration only, so hidden from readers of the page. */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
    stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} /></svg>`;
}

/** The mark of the house. */
export function Mark({ size = 22 }) {
  return html`<svg class="mark" width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect class="mark-wall" width="32" height="32" rx="8" /><path class="mark-room" d="M9 12v11h14V12" /></svg>`;
}
