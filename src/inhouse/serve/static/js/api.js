// Every address of the server that the page speaks to. Throws `ApiError`; nothing else leaves here.
import { readEvents } from "./sse.js";

/** What went wrong, in words for a person. `code` is "unreachable" when no answer came at all. */
export class ApiError extends Error {
  constructor(code, message, hint, status) {
    super(message);
    this.code = code;
    this.hint = hint || "";
    this.status = status || 0;
  }
}

const id = encodeURIComponent;

async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError("unreachable", String(cause.message || cause), "", 0);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function errorOf(response) {
  const text = await response.text().catch(() => "");
  return readError(text, response.status);
}

/** An `ApiError` from a body `{"error": {…}}`, or from the bare status when the body is something else. */
export function readError(text, status) {
  let error = {};
  try {
    error = JSON.parse(text).error || {};
  } catch {
    error = { message: text.slice(0, 200) };
  }
  return new ApiError(error.code || `http_${status}`, error.message || `HTTP ${status}`, error.hint, status);
}

const json = async (path, options) => (await send(path, options)).json();
const write = (method, path, body) =>
  send(path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

export const state = () => json("/app/state");

export const chats = (query) => json(`/app/chats?q=${id(query || "")}`);
export const chat = (chatId) => json(`/app/chats/${id(chatId)}`);
export const renameChat = (chatId, title) => write("PATCH", `/app/chats/${id(chatId)}`, { title });
export const removeChat = (chatId) => write("DELETE", `/app/chats/${id(chatId)}`);
export const exportPath = (chatId, format) => `/app/chats/${id(chatId)}/export?format=${format}`;

export const documents = (filter) => json(`/app/documents?${new URLSearchParams(filter)}`);
export const document_ = (documentId) => json(`/app/documents/${id(documentId)}`);
export const removeDocument = (documentId) => write("DELETE", `/app/documents/${id(documentId)}`);
export const layout = (documentId) => json(`/app/documents/${id(documentId)}/layout`);
export const originalPath = (documentId) => `/app/documents/${id(documentId)}/original`;
export const pageImagePath = (documentId, page, width) =>
  `/app/documents/${id(documentId)}/pages/${page}/image?width=${width}`;
export const pageBoxes = (documentId, page, start, end) =>
  json(`/app/documents/${id(documentId)}/pages/${page}/boxes?start=${start}&end=${end}`);

export const sources = () => json("/app/admin/sources");
export const addSource = (body) => write("POST", "/app/admin/sources", body);
export const changeSource = (name, body) => write("PATCH", `/app/admin/sources/${id(name)}`, body);
export const removeSource = (name) => write("DELETE", `/app/admin/sources/${id(name)}`);
export const runSource = (name) => write("POST", `/app/admin/sources/${id(name)}/run`);
export const pauseSource = (name) => write("POST", `/app/admin/sources/${id(name)}/pause`);
export const resumeSource = (name) => write("POST", `/app/admin/sources/${id(name)}/resume`);
export const users = () => json("/app/admin/users");
export const addUser = (body) => write("POST", "/app/admin/users", body);
export const changeUser = (user, body) => write("PATCH", `/app/admin/users/${id(user)}`, body);
export const leaveUser = (user) => write("POST", `/app/admin/users/${id(user)}/leave`, {});
export const groups = () => json("/app/admin/groups");
export const addGroup = (body) => write("POST", "/app/admin/groups", body);
export const removeGroup = (group) => write("DELETE", `/app/admin/groups/${id(group)}`);
export const explain = (user, document) => json(`/app/admin/acl/explain?${new URLSearchParams({ user, document })}`);
export const setReaders = (body) => write("POST", "/app/admin/acl/readers", body);
export const trash = () => json("/app/admin/trash");
export const restore = (body) => write("POST", "/app/admin/trash/restore", body);
export const emptyTrash = (body) => write("POST", "/app/admin/trash/empty", body);
export const setOutdated = (documentId, outdated) =>
  write("PUT", `/app/admin/documents/${id(documentId)}/outdated`, { outdated });
export const searchWhy = (q, document) => json(`/app/search/why?${new URLSearchParams({ q, document })}`);

export const job = (jobId) => json(`/app/jobs/${id(jobId)}`);
export const cancelJob = (jobId) => write("POST", `/app/jobs/${id(jobId)}/cancel`);
export const uploadPath = (name, group) =>
  `/app/uploads?name=${id(name)}&source=uploads${group ? `&group=${id(group)}` : ""}`;

/** Ask; yields `{event, data}` with data parsed. Aborting the signal closes the connection (= cancel). */
export async function* ask(request, signal) {
  const response = await send("/app/ask", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(request),
    signal,
  });
  try {
    for await (const { event, data } of readEvents(response.body)) yield { event, data: JSON.parse(data) };
  } catch (cause) {
    if (cause.name === "AbortError" || signal.aborted) throw new DOMException("stopped", "AbortError");
    throw new ApiError("unreachable", String(cause.message || cause), "", 0);
  }
}
