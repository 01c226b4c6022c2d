// Numbers, sizes, dates and plurals in the language of the page. Pure but for the language signal.
import { lang, t } from "./i18n.js";

const cache = new Map();

function tool(kind, options) {
  const key = `${kind} ${lang.value} ${JSON.stringify(options)}`;
  if (!cache.has(key)) cache.set(key, new Intl[kind](lang.value === "ru" ? "ru-RU" : "en-GB", options));
  return cache.get(key);
}

export const number = (value, digits = 0) =>
  tool("NumberFormat", { maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value);

/** "12 documents" / "12 документов": `forms` names the table, the number is put in as {n}. */
export function plural(name, n, params = {}) {
  const form = tool("PluralRules", {}).select(n);
  return t(`${name}.${form}`, { ...params, n: number(n) });
}

/** "1.9 s", "850 ms", "2 min 5 s" from milliseconds. */
export function duration(ms) {
  if (ms < 1000) return t("unit.ms", { n: number(Math.max(1, ms)) });
  if (ms < 60_000) return t("unit.s", { n: number(ms / 1000, ms < 10_000 ? 1 : 0) });
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 1000);
  return t("unit.min", { m: number(minutes), s: number(seconds) });
}

const STEPS = ["unit.b", "unit.kb", "unit.mb", "unit.gb", "unit.tb"];

/** "1.4 MB"; units of 1024. */
export function size(bytes) {
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < STEPS.length - 1) {
    value /= 1024;
    step += 1;
  }
  return t(STEPS[step], { n: number(value, value < 10 && step > 0 ? 1 : 0) });
}

/** "12 Mar 2026" from UNIX seconds; empty when unknown. */
export const day = (seconds) => dated(seconds, { day: "numeric", month: "short", year: "numeric" });

export const moment = (seconds) => dated(seconds, { dateStyle: "medium", timeStyle: "short" });

/** Russian dates end in "г.", which a line of facts does not need. */
function dated(seconds, options) {
  return seconds ? tool("DateTimeFormat", options).format(seconds * 1000).replace(/\sг\./, "") : "";
}

/** "$0.0042" from millionths; small amounts keep two significant digits. */
export function money(micros) {
  const value = micros / 1e6;
  const small = Math.abs(value) < 0.01 ? { maximumSignificantDigits: 2 } : {};
  const digits = value === 0 ? { maximumFractionDigits: 0 } : small;
  return tool("NumberFormat", { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", ...digits }).format(value);
}

/** "today", "week" or "earlier" for a time in UNIX seconds. */
export function era(seconds, now = Date.now()) {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (seconds * 1000 >= midnight) return "today";
  return seconds * 1000 >= midnight - 6 * 86_400_000 ? "week" : "earlier";
}
