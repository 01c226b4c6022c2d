// Starts the page: draws the shell, listens for keys and files, keeps in step with the house.
import { render } from "../vendor/preact.js";
import { html } from "./html.js";
import "./theme.js";
import { Shell } from "./view/shell.js";
import * as dropping from "./dropping.js";
import * as keys from "./keys.js";
import * as sync from "./sync.js";

render(html`<${Shell} />`, document.getElementById("app"));
keys.start();
dropping.start();
sync.start();
