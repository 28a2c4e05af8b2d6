// The builder's page: the canvas says what is selected, the server draws its fields, and whoever
// changes the draft tells the others. Events on the document:
//   canvas:select {paths}, canvas:open {path}, canvas:action {action, path}, canvas:state, canvas:problems
//   draft:changed {revision, changes, problems, label, select?}   from a form, by HX-Trigger
//   draft:arrived {revision}                                       to the canvas: somebody saved
//   canvas:show {path}, canvas:focus, canvas:undo, canvas:redo     to the canvas
import "./builder-fields.js";

const panel = document.getElementById("properties");
const dock = document.getElementById("dock");
const dockBody = document.getElementById("dock-body");
const saved = document.getElementById("saved");
const WORDS = {
  saved: "Saved", waiting: "Saving…", saving: "Saving…", conflict: "Waiting for your choice", refused: "Not saved",
};
let shownPath = panel?.querySelector(".ph")?.dataset.path ?? "";
let timer = 0;
let ownChangeAt = 0;

function fire(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

function addressOf(path) {
  return path ? `${panel.dataset.address}?path=${encodeURIComponent(path)}` : panel.dataset.address;
}

// A field that is on its way arrives before its form is replaced.
const going = new Set();
document.addEventListener("htmx:beforeSend", (event) => {
  const { elt, xhr } = event.detail;
  if (!elt.matches?.("form.pf")) return;
  const arrived = new Promise((resolve) => { xhr.addEventListener("loadend", resolve, { once: true }); });
  going.add(arrived);
  void arrived.then(() => going.delete(arrived));
});
const patience = () => new Promise((resolve) => { setTimeout(resolve, 3000); });

// The newest selection wins; the fields of an earlier one are dropped.
async function load(path, { focus = false, section = "", morph = false } = {}) {
  if (!panel?.dataset.address) return;
  shownPath = path;
  if (going.size) await Promise.race([Promise.all(going), patience()]);
  if (shownPath !== path) return;
  const swap = morph ? "morph:innerHTML" : "innerHTML";
  await htmx.ajax("GET", addressOf(path), { source: panel, target: panel, swap });
  if (shownPath !== path) return;
  if (section) open(section);
  if (focus) (panel.querySelector("details[open] :is(input:not([type=hidden]), textarea, select)") ?? panel).focus();
}

function open(title) {
  for (const details of panel.querySelectorAll("details.ps")) {
    if (details.querySelector("h3")?.textContent === title) {
      details.open = true;
      details.scrollIntoView({ block: "start" });
    }
  }
}

document.addEventListener("canvas:select", (event) => {
  const { paths, state } = event.detail;
  clearTimeout(timer);
  const path = paths.length === 1 ? paths[0] : panel?.dataset.root ?? "";
  timer = setTimeout(async () => {
    if (path !== shownPath) await load(path);
    if (state) showState(state);
  }, 80);
});

// The row of a state among those of its machine.
function showState(name, focus = false) {
  const keys = [...panel.querySelectorAll('form[data-field="/with/states"] input[name$="/~key"]')];
  const key = keys.find((one) => one.defaultValue === name);
  key?.closest(".rowg")?.scrollIntoView({ block: "nearest" });
  if (focus) key?.focus();
}

document.addEventListener("canvas:open", (event) => {
  clearTimeout(timer);
  const { path, state } = event.detail;
  if (state) void (path === shownPath ? Promise.resolve() : load(path)).then(() => showState(state, true));
  else if (path === shownPath) panel.querySelector("details[open] :is(input:not([type=hidden]), textarea, select)")?.focus();
  else void load(path, { focus: true });
});

document.addEventListener("canvas:action", (event) => {
  const { action, path } = event.detail;
  if (action === "triggers") void load("", { focus: true, section: "Triggers" });
  if (action === "undo" && path) void load(path, { section: "Safety" });
  if (action === "undo" && !path) fire("toast", { text: "Choose the step that it reverses first." });
});

document.addEventListener("canvas:state", (event) => {
  if (!saved) return;
  const { state, detail } = event.detail;
  saved.dataset.state = state;
  saved.textContent = state === "offline"
    ? `Offline, ${detail} change${detail === "1" ? "" : "s"} kept`
    : WORDS[state] ?? "";
});

// A form saved something: the name, the mark and the list of problems follow.
document.addEventListener("draft:changed", (event) => {
  const { problems, changes, select } = event.detail ?? {};
  if (!changes) return;
  ownChangeAt = Date.now();
  if (saved && saved.dataset.state === "saved") saved.textContent = "Saved";
  const name = changes.find((change) => change.path.length === 1 && change.path[0] === "name");
  const title = document.getElementById("workflow-name");
  if (name && title) title.textContent = name.value ?? "";
  if (select) shownPath = select;
  refreshProblems(problems);
});

document.addEventListener("draft:carried", () => {
  const carried = document.getElementById("draft-change")?.value;
  if (carried) fire("draft:changed", JSON.parse(carried));
});

// The canvas saved something (an undo among it): the fields show it, unless somebody writes there.
document.addEventListener("canvas:problems", (event) => {
  refreshProblems(event.detail.problems);
  const isOwn = Date.now() - ownChangeAt < 500;
  if (isOwn || !panel) return;
  if (panel.contains(document.activeElement)) isStale = true;
  else void load(shownPath, { morph: true });
});

// Never into a field that somebody writes in: the fields follow once the focus leaves them.
let isStale = false;
panel?.addEventListener("focusout", (event) => {
  if (!isStale || panel.contains(event.relatedTarget)) return;
  isStale = false;
  setTimeout(() => void load(shownPath, { morph: true }), 50);
});

// Somebody saved the draft. One's own save is answered first; what others saved is then fetched.
document.body.addEventListener("draft-changed", (event) => {
  const { sequence } = event.detail;
  setTimeout(async () => {
    await Promise.race([Promise.all(going), patience()]);
    fire("draft:arrived", { revision: sequence ?? Number.MAX_SAFE_INTEGER });
  }, 300);
});

let problemTimer = 0;
function refreshProblems(problems) {
  if (!dock || !problems) return;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => {
    const link = dock.querySelector('[data-tab="problems"]');
    if (dockBody.dataset.tab === "problems") {
      void htmx.ajax("GET", link.dataset.body, { source: dockBody, target: dockBody, swap: "morph:innerHTML" });
    } else counts(link, problems);
  }, 150);
}

function counts(link, problems) {
  const errors = problems.filter((one) => one.severity === "error").length;
  const box = link.querySelector("#problem-counts");
  box.replaceChildren();
  for (const [count, family, word] of [[errors, "fail", "errors"], [problems.length - errors, "human", "warnings"]]) {
    if (!count) continue;
    const mark = document.createElement("span");
    mark.className = `cnt ${family}`;
    mark.textContent = count;
    const words = document.createElement("span");
    words.className = "vh";
    words.textContent = ` ${word}`;
    mark.append(words);
    box.append(mark);
  }
}

// Tabs below the canvas, links to a step, and buttons that tell the canvas something.
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const fires = event.target.closest("[data-fires]");
  if (fires) fire(fires.dataset.fires, {});
  const until = event.target.closest("[data-until]");
  if (dock && until) {
    event.preventDefault();
    void show("test", `?until=${encodeURIComponent(until.dataset.until)}`).then(() => dockBody.querySelector("footer .btn.p")?.focus());
  }
  const tab = event.target.closest("[data-tab]");
  if (dock && tab && tab !== dockBody) {
    event.preventDefault();
    void show(tab.dataset.tab);
  }
  if (event.target.closest("[data-close-dock]")) toggleDock();
  const link = event.target.closest("a[data-step]");
  if (link && panel?.dataset.address) {
    event.preventDefault();
    const path = link.dataset.step;
    if (path) fire("canvas:show", { path });
    void load(path).then(() => point(link.dataset.pointer));
  }
});

async function show(name, query = "") {
  const link = dock.querySelector(`.tabs [data-tab="${CSS.escape(name)}"]`);
  if (!link) return;
  for (const one of dock.querySelectorAll(".tabs [data-tab]")) one.toggleAttribute("aria-current", one === link);
  link.setAttribute("aria-current", "page");
  dockBody.dataset.tab = name;
  if ("closed" in dock.dataset) toggleDock();
  await htmx.ajax("GET", link.dataset.body + query, { source: dockBody, target: dockBody, swap: "innerHTML" });
}

function toggleDock() {
  const isClosed = "closed" in dock.dataset;
  if (isClosed) delete dock.dataset.closed;
  else dock.dataset.closed = "";
  dock.querySelector("[data-close-dock]")?.setAttribute("aria-expanded", String(isClosed));
}

// A problem leads to its very field, where the form has it.
function point(pointer) {
  if (!pointer) return;
  const forms = [...panel.querySelectorAll("form[data-field]")];
  const found = forms.filter((form) => pointer.includes(form.dataset.field)).sort((a, b) => b.dataset.field.length - a.dataset.field.length)[0];
  if (!found) return;
  const details = found.closest("details");
  if (details) details.open = true;
  found.scrollIntoView({ block: "center" });
  found.querySelector(":is(input:not([type=hidden]), textarea, select)")?.focus();
}

// The canvas shows the step that the page was opened for.
const canvas = document.getElementById("canvas");
if (canvas && shownPath) {
  const reveal = () => fire("canvas:show", { path: shownPath });
  if (canvas.hasAttribute("ready")) reveal();
  else {
    const waiting = new MutationObserver(() => {
      if (!canvas.hasAttribute("ready")) return;
      waiting.disconnect();
      reveal();
    });
    waiting.observe(canvas, { attributes: true, attributeFilter: ["ready"] });
  }
}

// Publishing is reviewed in a dialog, once everything is saved; without scripts on a page.
const publishing = document.getElementById("publish");
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-publish]");
  if (!link || !publishing || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  void review(link.href);
});

async function review(address, note = "") {
  const isSaved = () => !going.size && ["saved", "refused"].includes(saved?.dataset.state ?? "saved");
  for (let tries = 0; tries < 30 && !isSaved(); tries += 1) await new Promise((next) => { setTimeout(next, 100); });
  const place = document.getElementById("publish-review");
  await htmx.ajax("GET", address, { source: place, target: place, swap: "innerHTML" });
  if (!publishing.open) publishing.showModal();
  const field = place.querySelector("#note");
  if (note) field.value = note;
  field?.focus();
}
publishing?.addEventListener("click", (event) => {
  if (event.target.closest("a[data-step]")) publishing.close();
});
// A problem that was fixed from within the dialog is gone there too; the note stays.
document.addEventListener("draft:changed", () => {
  const form = publishing?.open && publishing.querySelector("form[data-once]");
  if (form) void review(form.action, form.elements.note.value);
});

// A step that is gone by now has no fields: those of what is around it are shown.
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = event.detail;
  if (elt !== panel || xhr.status !== 204) return;
  const path = new URL(xhr.responseURL).searchParams.get("path") ?? "";
  const around = panel.dataset.root ?? "";
  if (path === shownPath) void load(path === around ? "" : around);
});

// Escape leads from the fields back to the box on the canvas; what was written is saved on the way.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !panel?.contains(event.target)) return;
  if (canvas?.hasAttribute("ready") && !event.target.closest("dialog, [popover]")) fire("canvas:focus", {});
});

// A step that was renamed is shown anew: what was open stays open, and the focus stays where it was.
let kept;
const sections = () => [...panel.querySelectorAll("details.ps")];
const titleOf = (details) => details.querySelector("h3")?.textContent;
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (target !== panel || !requestConfig?.elt?.matches?.("form.pf")) return;
  const field = panel.contains(document.activeElement) ? document.activeElement : null;
  kept = { open: sections().filter((one) => one.open).map(titleOf), field: field && (field.id || "properties") };
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (!kept || event.detail.target !== panel) return;
  for (const details of sections()) details.open ||= kept.open.includes(titleOf(details));
  if (kept.field) (document.getElementById(kept.field) ?? panel).focus();
  kept = undefined;
});
