// Server-sent events over a fetch body. Knows the wire form, not what the events mean.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2.6 (fields event and data;
// ids and retry are not used here).

/** Read events until the body ends. Yields `{event, data}`; data is the joined text of its data lines. */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value.replace(/\r\n?/g, "\n");
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.releaseLock();
  }
}

/** One block of lines as `{event, data}`, or null for comments. */
export function parseBlock(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line === "" || line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { event: name, data: data.join("\n") } : null;
}
