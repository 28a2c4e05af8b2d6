// A list that streams can be held still: <button data-pause="ID of the list" hidden>, and Space.
// What comes meanwhile is only counted; going on shows it.
const button = document.querySelector("[data-pause]");
const HELD_BY = "a, button, summary, input, textarea, select, label, [contenteditable], dialog[open]";

function list() {
  return document.getElementById(button.dataset.pause);
}

function isPaused() {
  return button.getAttribute("aria-pressed") === "true";
}

function show(word) {
  button.querySelector("[data-pause-word]").textContent = word;
}

function toggle() {
  const paused = !isPaused();
  button.setAttribute("aria-pressed", String(paused));
  list().classList.toggle("held", paused);
  show(paused ? "Paused" : "Pause");
  if (!paused) document.body.dispatchEvent(new CustomEvent("events-changed", { bubbles: true }));
}

function countNew(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  return [...fresh.querySelectorAll("[data-row][id]")].filter((row) => !document.getElementById(row.id)).length;
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.documentElement.dataset.shortcuts === "off" || event.target.closest?.(HELD_BY)) return;
    event.preventDefault();
    toggle();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const cause = event.detail.requestConfig?.triggeringEvent?.type ?? "";
    if (!isPaused() || !cause.endsWith("-changed") || event.detail.target !== list()) return;
    event.detail.shouldSwap = false;
    const found = countNew(event.detail.xhr.responseText);
    show(found ? `Paused, ${found === 50 ? "50 or more" : found} new` : "Paused");
  });
}
