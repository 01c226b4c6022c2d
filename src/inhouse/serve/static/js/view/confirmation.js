// A question before something is lost, in the page: the native dialog element traps and returns focus.
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";
import { html } from "../html.js";
import { confirmation } from "../state.js";
import { t } from "../i18n.js";

export function Confirmation() {
  const asked = confirmation.value;
  return asked && html`<${Dialog} asked=${asked} />`;
}

function Dialog({ asked }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const from = document.activeElement;
    dialog.current.showModal();
    return () => from?.isConnected && from.focus();
  }, []);
  const end = () => (confirmation.value = null);
  const yes = () => {
    end();
    asked.run();
  };
  return html`<dialog ref=${dialog} class="dialog" data-testid="confirm" aria-labelledby="confirm-title" onClose=${end}
    onClick=${(event) => event.target === dialog.current && end()}>
    <div class="dialog-body">
      <h2 id="confirm-title">${asked.title}</h2><p>${asked.body}</p>
      <div class="dialog-foot">
        <button class="button" data-testid="confirm-no" autofocus onClick=${end}>${t("action.keep")}</button>
        <button class="button danger" data-testid="confirm-yes" onClick=${yes}>${asked.action}</button>
      </div></div></dialog>`;
}
