// Comforts of the fields: conditions by rows, live checks of expressions, completion of variables.
import { csrfToken } from "./htmx-setup.js";
import "./builder-kept.js";

const CHECK_AFTER = 350; // ms without a key
const timers = new WeakMap();

function pointerOf(field) {
  if (field.dataset.pointer) return field.dataset.pointer;
  const form = field.closest("form[data-field]");
  return form ? form.dataset.field + field.name.replace(/^v/, "") : "";
}

function pathOf(field) {
  const address = field.closest("form")?.getAttribute("action") ?? "";
  return new URL(address, location.href).searchParams.get("path") ?? "";
}

function checkAddress() {
  const panel = document.getElementById("properties");
  return panel?.dataset.check;
}

async function check(field) {
  const out = document.getElementById(`c-${field.id}`);
  const address = checkAddress();
  if (!out || !address || !field.isConnected) return; // its form may have been drawn anew
  const text = field.value.trim();
  out.className = "check-out f12";
  out.textContent = "";
  const as = field.dataset.check;
  if (!text || (as === "value" && !/^=|\{\{|"=/.test(text))) return;
  const body = new URLSearchParams({ path: pathOf(field), field: pointerOf(field), text, as });
  const response = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } }).catch(() => null);
  if (response?.status !== 200 || field.value.trim() !== text) return;
  const { valid, message } = await response.json();
  out.classList.add(valid ? "right" : "wrong");
  out.textContent = valid ? `✓ ${message}` : message;
  field.toggleAttribute("aria-invalid", !valid);
  if (!valid) field.setAttribute("aria-invalid", "true");
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches?.("textarea[data-check]")) {
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(() => void check(field), CHECK_AFTER));
  }
  if (field.dataset?.completes) complete(field);
});

// --- Conditions by rows -------------------------------------------------------------------------
const byRows = new Set(); // ids of the conditions that are shown by rows
function arrange(root) {
  for (const box of root.querySelectorAll("fieldset.cond[data-rows]")) {
    const text = box.querySelector("[data-text]");
    const isRows = byRows.has(text.id);
    box.querySelector("[data-builder]").hidden = !isRows;
    text.hidden = isRows;
    box.querySelector("[data-as]").value = isRows ? "rows" : "text";
    const button = box.querySelector("[data-toggle-rows]");
    button.hidden = false;
    button.textContent = isRows ? "Write it as CEL" : "Build it by rows";
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle-rows]");
  if (!button) return;
  const box = button.closest("fieldset");
  const text = box.querySelector("[data-text]");
  if (byRows.has(text.id)) byRows.delete(text.id);
  else byRows.add(text.id);
  arrange(box.parentElement);
  (box.querySelector("[data-builder]:not([hidden]) input") ?? text).focus();
});

// The choice of a new step's kind, or of data to insert, is not a change of the field.
document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-keep]")) return;
  event.stopPropagation();
  const { insert } = event.target.dataset;
  if (!insert || !event.target.value) return;
  const field = document.getElementById(insert);
  field.setRangeText(`{{ ${event.target.value} }}`, field.selectionStart, field.selectionEnd, "end");
  event.target.value = "";
  field.focus();
  field.dispatchEvent(new Event("change", { bubbles: true }));
}, true);

document.addEventListener("focusin", (event) => {
  const select = event.target.closest?.("select[data-insert]");
  if (!select || select.options.length > 1) return;
  for (const name of names()) select.add(new Option(name, name));
});

// A row of a condition that is not whole yet is no change either.
document.addEventListener("change", (event) => {
  const row = event.target.closest(".crow");
  if (!row || !("value" in event.target)) return;
  const [field, value] = row.querySelectorAll("input");
  if (!field.value.trim() !== !value.value.trim()) event.stopPropagation();
}, true);

document.addEventListener("htmx:afterSettle", () => arrange(document));
arrange(document);

// A name that has become a token no longer stands in the field for the next one.
document.addEventListener("htmx:afterSettle", () => {
  for (const field of document.querySelectorAll('input[data-completes="people"]')) {
    const tokens = [...field.closest(".toks").querySelectorAll("input[type=hidden]")];
    if (tokens.some((one) => one.value === field.value.trim())) field.value = "";
  }
});

// A row that was just added gets the focus.
const added = new Set(); // ids of forms
document.addEventListener("htmx:beforeRequest", (event) => {
  const { act } = event.detail.requestConfig?.parameters ?? {};
  if (event.detail.elt.matches?.("form.pf") && /^(add|on):/.test(act ?? "")) added.add(event.detail.elt.id);
});
document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.requestConfig?.elt?.id ?? "";
  if (!added.delete(id)) return;
  const form = document.getElementById(id);
  const place = [...form.querySelectorAll(".rowg")].at(-1) ?? form.querySelector(".obj .group") ?? form;
  place.querySelector(":is(input:not([type=hidden]), textarea, select)")?.focus();
});

// --- Completion ---------------------------------------------------------------------------------
let list = null;
let host = null;

function names(field) {
  if (field?.dataset.names) return [...document.getElementById(field.dataset.names).options].map((one) => one.value);
  return [...(document.getElementById("variables")?.options ?? [])].map((one) => one.value);
}

function wordAt(field) {
  const before = field.value.slice(0, field.selectionStart);
  const mode = field.dataset.completes;
  if (mode === "people" && !before.startsWith("=")) return before;
  if (mode === "template" || (mode === "value" && !before.startsWith("="))) {
    const opened = before.lastIndexOf("{{");
    const isJson = mode === "value" && /"=[^"]*$/.test(before);
    if (!isJson && (opened < 0 || before.indexOf("}}", opened) >= 0)) return null;
  }
  return before.match(/[\w.]*$/)[0];
}

function close() {
  list?.remove();
  host?.removeAttribute("aria-activedescendant");
  host?.removeAttribute("aria-controls");
  list = host = null;
}

function complete(field) {
  close();
  const word = wordAt(field);
  if (word === null) return;
  const found = names(field).filter((name) => name !== word && name.toLowerCase().includes(word.toLowerCase())).slice(0, 12);
  if (!found.length || (!word && field.dataset.completes === "cel")) return;
  list = document.createElement("ul");
  list.className = "complete";
  list.id = "completions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.names ? "People and groups" : "Variables");
  found.forEach((name, index) => {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `completion-${index}`;
    item.textContent = name;
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(field, name);
    });
    list.append(item);
  });
  document.body.append(list);
  const box = field.getBoundingClientRect();
  const below = innerHeight - box.bottom > 230;
  list.style.setProperty("left", `${Math.min(box.left, innerWidth - 260)}px`);
  list.style.setProperty(below ? "top" : "bottom", below ? `${box.bottom + 2}px` : `${innerHeight - box.top + 2}px`);
  host = field;
  field.setAttribute("aria-controls", list.id);
  choose(0);
}

function choose(index) {
  const items = [...list.children];
  const at = (index + items.length) % items.length;
  items.forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
  items[at].scrollIntoView({ block: "nearest" });
  host.setAttribute("aria-activedescendant", items[at].id);
}

function take(field, name) {
  const word = wordAt(field) ?? "";
  const start = field.selectionStart - word.length;
  field.setRangeText(name, start, field.selectionStart, "end");
  close();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  close();
  if (field.dataset.names) field.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  if (!list || event.target !== host) return;
  const now = [...list.children].findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") choose(now + 1);
  else if (event.key === "ArrowUp") choose(now - 1);
  else if (event.key === "Enter" || event.key === "Tab") take(host, list.children[now].textContent);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.addEventListener("focusout", (event) => {
  if (event.target === host) close();
});
