// The command palette: a dialog over the search page's answers. Without scripts its opener leads
// to that page.
const dialog = document.getElementById("palette");
const field = document.getElementById("palette-q");
const isOff = document.documentElement.dataset.shortcuts === "off";

function options() {
  return [...dialog.querySelectorAll("[role=option]")];
}

function choose(index) {
  const all = options();
  const chosen = all[(index + all.length) % all.length];
  for (const option of all) option.setAttribute("aria-selected", String(option === chosen));
  if (!chosen) {
    field.removeAttribute("aria-activedescendant");
    return;
  }
  field.setAttribute("aria-activedescendant", chosen.id);
  chosen.scrollIntoView({ block: "nearest" });
}

function open() {
  if (dialog.open) return;
  dialog.showModal();
  field.select();
  htmx.trigger(field, "palette-open");
}

function onKey(event) {
  const at = options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") choose(at + 1);
  else if (event.key === "ArrowUp") choose(at - 1);
  else if (event.key === "Enter") options()[at]?.dispatchEvent(new MouseEvent("click", event));
  else return;
  if (event.key !== "Enter" || at >= 0) event.preventDefault(); // else the form opens the page
}

if (dialog) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-palette]");
    if (opener && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      opener.closest("[popover]")?.hidePopover();
      open();
    }
    // A click beside the box is one on the dialog itself.
    if (event.target === dialog || event.target.closest("[data-palette-close]")) dialog.close();
  });
  document.addEventListener("keydown", (event) => {
    const isAsked = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isAsked || isOff || document.querySelector("dialog[open]:not(#palette)")) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  field.addEventListener("keydown", onKey);
  dialog.addEventListener("htmx:afterSwap", () => choose(0));
}
