// The server counts Unicode code points, JavaScript counts UTF-16 units. They differ only in texts that
// hold characters beyond the basic plane; there the text is walked once per offset (about 5 ms per MB).

const BEYOND = /[\ud800-\udbff][\udc00-\udfff]/;

/** A function from code points to UTF-16 units for one text. */
export function unitsOf(text) {
  if (!BEYOND.test(text)) return (point) => clamp(point, text.length);
  return (point) => {
    let unit = 0;
    for (let seen = 0; seen < point && unit < text.length; seen += 1) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    return unit;
  };
}

/** `text[start:end]` in code points. */
export function slice(text, start, end) {
  const units = unitsOf(text);
  return text.slice(units(start), units(end));
}

function clamp(value, top) {
  return Math.max(0, Math.min(value, top));
}

/** As `unitsOf`, for thousands of offsets into one text: the walk is done once. */
export function unitsTable(text) {
  if (!BEYOND.test(text)) return unitsOf(text);
  const units = [];
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit) > 0xffff ? 2 : 1) units.push(unit);
  return (point) => units[Math.max(0, point)] ?? text.length;
}
