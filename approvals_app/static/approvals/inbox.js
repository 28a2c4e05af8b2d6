// The inbox beyond links and forms: the clock of the undo bar, folds, the question before what is
// for good, and counts. All of it is comfort: without scripts every answer works.
import { csrfToken } from "../js/htmx-setup.js";
import { showWaiting } from "../js/waiting.js";

const queue = () => document.getElementById("queue");

// Undo: the bar counts down what the server does; pointing at it, or being in it, holds the clock there.
function watch(bar) {
  let until = Date.parse(bar.dataset.until);
  const whole = Math.max(until - Date.now(), 1000);
  const words = bar.querySelector("[data-left]");
  const line = bar.querySelector("progress");
  let isHeld = false;

  async function hold(wants) {
    if (isHeld === wants) return;
    isHeld = wants;
    const body = new URLSearchParams({ hold: wants ? "1" : "" });
    const answer = await fetch(bar.dataset.hold, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } });
    if (answer.ok) until = Date.parse((await answer.json()).effective_at);
  }
  const isUsed = () => bar.matches(":hover") || bar.contains(document.activeElement);
  for (const name of ["pointerenter", "focusin"]) bar.addEventListener(name, () => hold(true));
  for (const name of ["pointerleave", "focusout"]) bar.addEventListener(name, () => setTimeout(() => hold(isUsed()), 0));

  const timer = setInterval(() => {
    const left = until - Date.now();
    if (left <= 0 || !bar.isConnected) {
      clearInterval(timer);
      bar.remove();
      return;
    }
    words.textContent = isHeld ? "Waits while you look" : `Runs in ${Math.ceil(left / 1000)} s`;
    if (!isHeld) line.value = Math.min(1, left / whole);
  }, 250);
}
for (const bar of document.querySelectorAll(".undo[data-until]")) watch(bar);

// A link to a fold opens it and leads to its first field.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-opens-fold]");
  if (!link) return;
  const target = document.querySelector(link.getAttribute("href"));
  const fold = target?.closest("details.fold");
  if (!fold) return;
  event.preventDefault();
  fold.open = true;
  const field = target.matches("input") ? target : fold.querySelector("input:not([type=hidden]), textarea, select") ?? fold.querySelector("summary");
  field.focus({ preventScroll: true });
  fold.scrollIntoView({ block: "nearest" });
});

// An edit that is written and not shown yet is shown first: what is approved is what was looked at.
const isWritten = (one) =>
  one.matches("select") ? [...one.options].some((option) => option.selected !== option.defaultSelected)
  : one.matches("[type=checkbox], [type=radio]") ? one.checked !== one.defaultChecked
  : one.name && one.value !== one.defaultValue;
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.act") || event.submitter?.value !== "approve") return;
  const edit = document.querySelector("details.fold form[action$='/edit/']");
  if (!edit || ![...edit.querySelectorAll("input:not([type=hidden]), textarea, select")].some(isWritten)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const reason = document.createElement("input");
  reason.type = "hidden";
  reason.name = "reason";
  reason.value = event.target.elements.reason?.value ?? "";
  edit.append(reason);
  edit.requestSubmit();
}, true);

// What is for good is asked in a dialog of its own; leaving it leads back.
for (const dialog of document.querySelectorAll("dialog[data-modal]")) {
  dialog.removeAttribute("open"); // without scripts it stands open on the page
  dialog.showModal();
  dialog.addEventListener("close", () => { location.href = dialog.dataset.back; });
}

// Counts, and what somebody else decided meanwhile. A frame says which request came to which state:
// that is shown at once, where it stands; the queue as the server has it follows a moment later.
const WORDS = { approved: "Approved", rejected: "Rejected", expired: "Expired", withdrawn: "Withdrawn", taken_over: "Taken over" };
const NEW = 15000; // milliseconds since it was asked
const fresh = new Set();
let isAnswering = false; // one's own answer leads to another page
document.addEventListener("submit", (event) => { isAnswering ||= event.target.matches("form.act, .fold form, dialog form"); });

function grey(row, word) {
  row.classList.add("gone");
  row.querySelector(".pk")?.remove();
  row.querySelector(".sla")?.replaceChildren(word);
}

function elsewhere(words) {
  const note = document.getElementById("elsewhere");
  if (!note || isAnswering || note.textContent === words) return;
  note.textContent = words;
  for (const button of document.querySelectorAll("form.act button")) button.disabled = true;
}

// A decision that was taken back: the request is open again.
function again() {
  const note = document.getElementById("elsewhere");
  if (!note?.textContent) return;
  note.textContent = "";
  for (const button of document.querySelectorAll("form.act button")) button.disabled = false;
}

function pill() {
  const list = queue();
  if (!fresh.size || list.dataset.narrow !== undefined) return; // what fits a filter, the server says
  let link = list.querySelector(".fresh");
  if (!link) {
    link = document.createElement("a");
    link.className = "fresh";
    link.href = list.dataset.all;
    list.prepend(link);
  }
  link.textContent = `${fresh.size + Number(list.dataset.fresh ?? 0)} new`;
}

document.addEventListener("live-frame", (event) => {
  const { topic, steps } = event.detail;
  if (topic !== "inbox" || !queue()) return;
  for (const [reference, state, age] of steps) {
    const row = document.getElementById(`row-${reference.slice(4)}`);
    const word = WORDS[state];
    if (word) fresh.delete(reference);
    if (word && row && !row.classList.contains("gone")) grey(row, word);
    if (word && queue().dataset.open === reference) elsewhere(`${reference} is ${word.toLowerCase()} meanwhile.`);
    if (!word && !row && age < NEW) fresh.add(reference);
  }
  pill();
});

function tell(event) {
  if (event?.detail.target?.id === "queue") fresh.clear();
  const now = queue();
  if (!now) return;
  for (const element of document.querySelectorAll("[data-count-of]")) {
    const count = now.dataset[element.dataset.countOf];
    if (count !== undefined && element.textContent !== count) element.textContent = count;
  }
  const mine = now.dataset.mine === "0" ? "" : now.dataset.mine;
  const rest = document.title.split(" · ").at(-1);
  document.title = mine ? `Approvals · ${mine} waiting · ${rest}` : `Approvals · ${rest}`;
  showWaiting(now.dataset.mine);
  if (now.dataset.gone) elsewhere(now.dataset.gone);
  else if (now.dataset.open) again();
}
document.addEventListener("htmx:afterSettle", tell);
