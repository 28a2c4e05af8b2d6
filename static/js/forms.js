// Comforts of forms: rows of repeatable groups, one submission at a time, unsaved marks, copying.
document.addEventListener("click", (event) => {
  const add = event.target.closest("button[data-add-item]");
  if (add) {
    const template = document.getElementById(add.dataset.addItem);
    const list = document.getElementById(add.dataset.list);
    if (!template || !list) return;
    event.preventDefault();
    const index = Number(list.dataset.next ?? list.children.length);
    list.dataset.next = index + 1;
    const copy = template.content.cloneNode(true);
    number(copy, index);
    list.append(copy);
    window.htmx?.process(list.lastElementChild);
    recount(list);
    list.lastElementChild?.querySelector("input:not([type=hidden]), textarea, select")?.focus();
    return;
  }
  const drop = event.target.closest("button[data-remove-item]");
  if (drop) {
    event.preventDefault();
    const item = drop.closest("[data-item]");
    const list = item.parentElement;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    recount(list);
    (next?.querySelector("input:not([type=hidden]), textarea, select") ?? list.parentElement.querySelector("button[data-add-item]"))?.focus();
    return;
  }
  const up = event.target.closest("button[data-up-item]");
  if (up) {
    event.preventDefault();
    const item = up.closest("[data-item]");
    item.previousElementSibling?.before(item);
    recount(item.parentElement);
    (up.disabled ? item.querySelector("button[data-remove-item]") : up).focus();
    return;
  }
  const toField = event.target.closest("a[data-to-field]");
  if (toField) {
    const field = document.getElementById(toField.hash.slice(1));
    event.preventDefault();
    field?.scrollIntoView({ block: "center" });
    (field?.matches("fieldset") ? field.querySelector("input:not([type=hidden]), textarea, select") ?? field : field)?.focus();
    return;
  }
  const copier = event.target.closest("button[data-copy]");
  if (copier) {
    const source = document.getElementById(copier.dataset.copy);
    navigator.clipboard?.writeText(source?.dataset.raw ?? source?.textContent ?? "").then(() => {
      document.dispatchEvent(new CustomEvent("toast", { detail: { text: "Copied" } }));
    });
    return;
  }
  const closer = event.target.closest("[data-close-dialog]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.dataset.sent === "1") {
    if (form.dataset.sent === "1") event.preventDefault();
    return;
  }
  if (form.matches("[data-once]") && !event.defaultPrevented) {
    form.dataset.sent = "1";
    addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
  }
  delete form.dataset.dirty;
});

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.method === "post") form.dataset.dirty = "1";
});

// A field that the server checked once it was left says so to those who do not see the words.
document.addEventListener("htmx:afterSwap", (event) => {
  const slot = event.detail.target;
  const field = slot.dataset?.errorsOf && document.getElementById(slot.dataset.errorsOf);
  if (!field) return;
  if (slot.textContent.trim()) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
});

// Lists that filter by a field send themselves; the address keeps the filter.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
});

// Rows are called by their place as long as nothing else names them; the first cannot go up.
function recount(list) {
  [...list.children].forEach((item, index) => {
    const head = item.querySelector("legend, label")?.firstChild;
    if (head?.nodeType === Node.TEXT_NODE && /^\s*(\d+|New)\s*$/.test(head.data)) head.data = `${index + 1}`;
    const up = item.querySelector(":scope > .aacts > [data-up-item]");
    if (up) up.disabled = index === 0;
  });
}

// Gives a new item its place. A list within it keeps the mark of its own items for later.
function number(root, index) {
  for (const node of root.querySelectorAll("*")) {
    for (const attribute of [...node.attributes]) {
      if (!attribute.value.includes("__index__")) continue;
      const parts = attribute.value.split(" ").map((part) => part.replace("__index__", index));
      node.setAttribute(attribute.name, parts.join(" "));
    }
    if (node.localName === "template") number(node.content, index);
  }
}
