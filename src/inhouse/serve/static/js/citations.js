// Pure: which number a citation wears, in which order citations are walked, where sentences stand in the
// text of an answer. No signals, no document.

// Ps/Pe punctuation that no office document uses: a marker next to `**` keeps Markdown's flanking rules.
export const OPEN = "\u2e28";
export const CLOSE = "\u2e29";
const MARKERS = /[\u2e28\u2e29]/g;
// What starts a Markdown block must stay first on its line, so a marker goes behind it; in a row of a table
// (GFM 4.10) both markers go inside, or they would be cells of their own.
const BLOCK_START = /^\s*(?:(?:[-*+]|\d{1,3}[.)]|#{1,6}|>)\s+)*(?:\|\s*)?/;
const ROW_END = /\s*\|$/;
// An address without marks around it goes on to the next blank (GFM 6.9) and would take the marker along.
const BARE_LINK = /(?:https?:\/\/|www\.)\S*$/i;
const WORD = /[\p{L}\p{N}]/u;

const known = new WeakMap();

/**
 * Number the citations of an answer.
 *
 * Returns `{spans, bySentence, extra, used}`: `spans` are the distinct cited places in reading order,
 * each `{number, document_id, start, end, quote, page, document, source, title, modified_at, verified}`;
 * `bySentence[i]` are indexes into `spans`; `extra` are cited documents beyond the passages; `used` is the
 * set of passage indexes that are cited. A citation wears the number of the passage that holds it.
 */
export function numbered(answer) {
  if (known.has(answer)) return known.get(answer);
  const passages = answer.passages ?? [];
  const extra = [];
  const spans = [];
  const used = new Set();
  const seen = new Map();
  const bySentence = (answer.sentences ?? []).map((sentence) => {
    const mine = [];
    for (const citation of sentence.citations ?? []) {
      if (citation.deleted) continue; // nothing is left to open
      const key = `${citation.document_id} ${citation.start} ${citation.end}`;
      if (!seen.has(key)) {
        const at = holder(citation, passages, extra);
        if (at < passages.length) used.add(at);
        const passage = passages[at] ?? extra[at - passages.length];
        seen.set(key, spans.length);
        spans.push({
          ...citation,
          number: at + 1,
          title: passage.title || citation.document,
          heading: passage.heading ?? [],
          modified_at: passage.modified_at ?? null,
          superseded: passage.superseded ?? false,
        });
      }
      if (!mine.includes(seen.get(key))) mine.push(seen.get(key));
    }
    return mine;
  });
  const result = { spans, bySentence, extra, used };
  known.set(answer, result);
  return result;
}

/** Index of the passage that holds the citation; a document that is in none is appended to `extra`. */
function holder(citation, passages, extra) {
  const same = (passage) => passage.document_id === citation.document_id;
  const inside = (passage) => same(passage) && passage.start <= citation.start && citation.end <= passage.end;
  let at = passages.findIndex(inside);
  if (at < 0) at = passages.findIndex(same);
  if (at >= 0) return at;
  at = extra.findIndex(same);
  if (at < 0) at = extra.push({ ...citation, title: citation.document, text: citation.quote }) - 1;
  return passages.length + at;
}

/**
 * The answer's text with a marker at both ends of every checked sentence.
 *
 * `⸨s3⸩…⸨e3⸩` stand around sentence 3. A sentence that is not found verbatim leaves no marker; when the
 * answer is complete and one is missing, the sentences themselves are the text, so that no claim loses
 * its source. A line break between two sentences stays one.
 */
export function marked(text, sentences, complete) {
  const clean = text.replace(MARKERS, "");
  const spots = locate(clean, sentences);
  if (complete && spots.includes(null)) return sentences.map((one, index) => around(bare(one), index)).join(" ");
  return weave(clean, sentences, spots, 0, sentences.length, 0, clean.length);
}

/**
 * An answer of quotes, cut where the document changes: `[{span, source}]`, `source` marked as above.
 *
 * Null when a sentence is not where it should be, or has no source: then the text is drawn as any other.
 */
export function byDocument(answer) {
  const { spans, bySentence } = numbered(answer);
  const clean = answer.text.replace(MARKERS, "");
  const spots = locate(clean, answer.sentences);
  if (!spots.length || spots.includes(null) || bySentence.some((some) => !some.length)) return null;
  const groups = [];
  const stated = new Set((answer.conflicts ?? []).map((one) => one.statement));
  for (const [index, some] of bySentence.entries()) {
    if (stated.has(answer.sentences[index].text)) continue; // a conflict is drawn by itself
    const span = spans[some[0]];
    const last = groups.at(-1);
    if (last?.span.number === span.number) last.to = index + 1;
    else groups.push({ span, from: index, to: index + 1 });
  }
  return groups.map(({ span, from, to }) => ({
    span,
    source: weave(clean, answer.sentences, spots, from, to, spots[from][0], spots[to - 1][1]),
  }));
}

const bare = (sentence) => sentence.text.replace(MARKERS, "").trim();

/** Where each sentence stands, `[start, end]` or null, looked for from left to right. */
function locate(clean, sentences) {
  let from = 0;
  return sentences.map((sentence) => {
    const wanted = bare(sentence);
    const spot = wanted ? find(clean, wanted, from) : null;
    if (spot) from = spot[1];
    return spot;
  });
}

/** The words from `from` on, whatever white space stands between them: a checked sentence has single blanks. */
function find(clean, wanted, from) {
  const at = clean.indexOf(wanted, from);
  if (at >= 0) return [at, at + wanted.length];
  const words = wanted.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const loose = new RegExp(words.join("\\s+"), "g");
  loose.lastIndex = from;
  const hit = loose.exec(clean);
  return hit && [hit.index, loose.lastIndex];
}

/** The text from `start` to `end` with sentences `first` … `last - 1` marked. */
function weave(clean, sentences, spots, first, last, start, end) {
  const parts = [];
  let from = start;
  for (let index = first; index < last; index += 1) {
    if (spots[index] === null) continue;
    const [at, to] = spots[index];
    parts.push(gap(clean.slice(from, at), clean.slice(at, to)), around(clean.slice(at, to), index));
    from = to;
  }
  parts.push(clean.slice(from, end));
  return parts.join("");
}

/** A single line break before a sentence that starts no block becomes a hard one (CommonMark 6.7). */
function gap(between, sentence) {
  const single = /^[ \t]*\n[ \t]*$/.test(between) && BLOCK_START.exec(sentence)[0] === "";
  return single ? "  \n" : between;
}

function around(sentence, index) {
  if (!WORD.test(sentence)) return sentence; // a rule, or the line under the head of a table
  const head = BLOCK_START.exec(sentence)[0];
  const tail = head.trimEnd().endsWith("|") ? (ROW_END.exec(sentence)?.[0] ?? "") : "";
  const inside = sentence.slice(head.length, sentence.length - tail.length);
  const apart = BARE_LINK.test(inside) ? " " : "";
  return `${head}${OPEN}s${index}${CLOSE}${inside}${apart}${OPEN}e${index}${CLOSE}${tail}`;
}

/** Cut a text at its markers: strings and `{kind: "s"|"e", index}`. */
export function pieces(text) {
  const found = [];
  const marker = /\u2e28([se])(\d+)\u2e29/g;
  let from = 0;
  for (let hit = marker.exec(text); hit; hit = marker.exec(text)) {
    if (hit.index > from) found.push(text.slice(from, hit.index));
    found.push({ kind: hit[1], index: Number(hit[2]) });
    from = hit.index + hit[0].length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

/** The word for what a sentence lacks: a source, or one that says it; empty when it lacks nothing. */
export function lack(sentence) {
  if (sentence.supported || !WORD.test(sentence.text)) return "";
  return sentence.citations?.length ? "answer.unconfirmed" : "answer.unsupported";
}

/** How many of the sentences are carried by their citations; lines without a word claim nothing. */
export function proof(answer) {
  const sentences = (answer.sentences ?? []).filter((one) => WORD.test(one.text));
  return { checked: sentences.filter((one) => one.supported).length, all: sentences.length };
}
