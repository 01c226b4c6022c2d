// @ts-check
/**
 * A small client of inhouse for web pages: one chat call that streams, and where its answer came from.
 *
 * No dependency and no build step. The origin of the page must stand in `server.cors_origins` of inhouse;
 * then the browser lets the page read the `x-inhouse-*` headers.
 *
 * @typedef {"local" | "cloud" | "none"} Where
 * @typedef {{role: "system" | "user" | "assistant", content: string}} Turn
 * @typedef {{engine: string, model: string, where: Where, reason: string, requestId: string}} Used
 * @typedef {{prefer?: "local" | "cloud", localOnly?: boolean, task?: string, priority?: string}} Wishes
 * @typedef {{model?: string, wishes?: Wishes, signal?: AbortSignal, maxTokens?: number}} Options
 */

/** What inhouse says when it cannot answer; `code` is one of docs/reference/errors.md. */
export class InhouseError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Inhouse {
  /**
   * @param {string} base address of inhouse, e.g. http://127.0.0.1:8484
   * @param {string} [key] an API key; not needed on loopback unless the administrator wants one
   */
  constructor(base, key = "") {
    this.base = base.replace(/\/$/, "");
    this.key = key;
  }

  /**
   * The names that this caller may ask for.
   * @returns {Promise<string[]>}
   */
  async models() {
    const reply = await this.#send("/v1/models", "GET");
    /** @type {{data: {id: string}[]}} */
    const list = await reply.json();
    return list.data.map((each) => each.id);
  }

  /**
   * Ask, and get the answer piece by piece. `used` is known before the first piece.
   * @param {Turn[]} messages
   * @param {Options} [options]
   * @returns {Promise<{used: Used, pieces: AsyncGenerator<string, void, void>}>}
   */
  async chat(messages, options = {}) {
    const body = { model: options.model ?? "inhouse/auto", messages, stream: true, max_tokens: options.maxTokens };
    const reply = await this.#send("/v1/chat/completions", "POST", body, options);
    return { used: usedOf(reply), pieces: piecesOf(reply) };
  }

  /**
   * @param {string} path
   * @param {"GET" | "POST"} method
   * @param {object} [body]
   * @param {Options} [options]
   */
  async #send(path, method, body, options = {}) {
    const headers = new Headers({ "content-type": "application/json" });
    if (this.key) headers.set("authorization", `Bearer ${this.key}`);
    const wishes = options.wishes ?? {};
    if (wishes.prefer) headers.set("x-inhouse-prefer", wishes.prefer);
    if (wishes.localOnly) headers.set("x-inhouse-data", "local_only");
    if (wishes.task) headers.set("x-inhouse-task", wishes.task);
    if (wishes.priority) headers.set("x-inhouse-priority", wishes.priority);
    const reply = await fetch(this.base + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: options.signal,
    });
    if (!reply.ok) {
      const said = await reply.json().catch(() => ({}));
      const error = said.error ?? {};
      throw new InhouseError(reply.status, error.code ?? "error", error.message ?? `HTTP ${reply.status}`);
    }
    return reply;
  }
}

/**
 * @param {Response} reply
 * @returns {Used}
 */
function usedOf(reply) {
  const said = (/** @type {string} */ name) => reply.headers.get(`x-inhouse-${name}`) ?? "";
  const where = said("where");
  return {
    engine: said("engine"),
    model: said("model"),
    where: where === "local" || where === "cloud" ? where : "none",
    reason: said("reason"),
    requestId: said("request-id"),
  };
}

/**
 * The text of server-sent events; an error event is thrown, and so is an answer without its end.
 * @param {Response} reply
 */
async function* piecesOf(reply) {
  if (!reply.body) throw new InhouseError(reply.status, "error", "the answer has no body");
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new InhouseError(502, "engine_broke", "the answer ended without its end");
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data === "[DONE]") return;
      if (!data) continue;
      const event = JSON.parse(data);
      if (event.error) throw new InhouseError(502, event.error.code ?? "error", event.error.message);
      const text = event.choices?.[0]?.delta?.content;
      if (text) yield text;
    }
  }
}
