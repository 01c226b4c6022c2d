// One line between the tabs of this browser. Messages are names of what changed, never content.
const line = "BroadcastChannel" in globalThis ? new BroadcastChannel("inhouse") : null;

/** Tell the other tabs that "chats" or "documents" changed. */
export function announce(subject) {
  line?.postMessage(subject);
}

/** Call `heard(subject)` for every message of another tab. */
export function listen(heard) {
  line?.addEventListener("message", (event) => heard(event.data));
}
