// Keyboard: `data-hotkey` on any link, button or field; `[data-row]` lists move by j and k.
import { install, uninstall } from "./vendor/hotkey-3.1.4.js";

const isOff = document.documentElement.dataset.shortcuts === "off";
const installed = new Set();

function refresh() {
  for (const element of installed) {
    if (!element.isConnected) {
      uninstall(element);
      installed.delete(element);
    }
  }
  for (const element of document.querySelectorAll("[data-hotkey]")) {
    if (installed.has(element)) continue;
    install(element);
    installed.add(element);
  }
}

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
}

function row() {
  return document.querySelector("[data-row].cursor, [data-row]:focus-within") ?? document.querySelector("[data-row]:has([aria-current=true])");
}

function linkOf(row) {
  return row.matches("a") ? row : row.querySelector("a[href]");
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("cursor") || row.contains(document.activeElement));
  const now = at < 0 ? all.findIndex((row) => row.querySelector("[aria-current=true]")) : at;
  const next = all[now < 0 ? 0 : Math.min(Math.max(now + step, 0), all.length - 1)];
  for (const row of all) row.classList.toggle("cursor", row === next);
  (linkOf(next) ?? next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function isTyping(target) {
  return target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=submit])"));
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => {
    row()?.querySelector("input[type=checkbox]")?.click();
  },
  "?": () => help(),
};

function help() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("[data-keys-here]");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-hotkey]")) {
    const name = element.dataset.keyName ?? element.getAttribute("aria-label") ?? element.textContent.trim();
    const term = document.createElement("dt");
    const key = document.createElement("kbd");
    key.textContent = element.dataset.hotkey.replace("Shift+", "⇧").replace("Mod+", "⌘").split(",")[0];
    term.append(key);
    const text = document.createElement("dd");
    text.textContent = name.replace(/\s+/g, " ");
    list.append(term, text);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isTyping(event.target) && !event.target.closest("dialog, [popover]")) {
    event.target.blur();
    return;
  }
  if (isOff || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.target.closest?.("dialog[open]")) return;
  const edit = event.key === "e" && row()?.querySelector("[data-row-edit]");
  const action = edit ? () => edit.click() : ACTIONS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("form[data-submit-keys]");
  if (form) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-open-keys]")) help();
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog?.showModal) {
      event.preventDefault();
      dialog.showModal();
      dialog.querySelector("[autofocus]")?.focus();
    }
  }
  const menu = event.target.closest("details.menu");
  for (const open of document.querySelectorAll("details.menu[open]")) if (open !== menu) open.open = false;
});

if (!isOff) {
  refresh();
  document.addEventListener("htmx:afterSettle", refresh);
}
