// What somebody writes is kept: while other fields are saved, without a connection, and when the page
// goes away.
import { csrfToken } from "./htmx-setup.js";

// --- What somebody writes meanwhile stays -------------------------------------------------------
// A form is drawn anew when its rows change; never over what was written since it was sent.
if (window.Idiomorph) Idiomorph.defaults.ignoreActiveValue = true;
const written = new WeakMap();
const sentAt = new WeakMap();
let moment = 0;
document.addEventListener("input", (event) => {
  if (event.target.form?.matches("form.pf")) written.set(event.target.form, (moment += 1));
});
document.addEventListener("htmx:beforeSend", (event) => sentAt.set(event.detail.elt, moment));
document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("form.pf") || (written.get(form) ?? 0) <= (sentAt.get(form) ?? 0)) return;
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  const was = answer.querySelector(`#${CSS.escape(form.id)} [name="was"]`);
  if (!was) return;
  event.detail.shouldSwap = false;
  form.querySelector('[name="was"]').value = was.value;
});

// What another field's saving draws anew (the arguments of a tool) waits for who writes in it: saving
// it draws it then. Where nothing is written yet, the focus goes on in what was drawn.
const refocus = new Set(); // ids of forms
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const form = event.detail.target;
  if (!form.matches?.("form.pf")) return;
  if ((written.get(form) ?? 0) > (sentAt.get(form) ?? 0)) event.detail.shouldSwap = false;
  else if (form.contains(document.activeElement)) refocus.add(form.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of refocus) {
    refocus.delete(id);
    document.getElementById(id)?.querySelector(":is(input:not([type=hidden]), textarea, select)")?.focus();
  }
});

// Enter saves by the change that it ends; the form is not sent a second time for it.
document.addEventListener("submit", (event) => {
  if (!event.target.matches?.("form.pf") || !event.submitter?.matches(".nojs")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// --- Nothing is lost ----------------------------------------------------------------------------
// A field that could not be sent is sent again once there is a connection; one that somebody still
// writes in when the page goes away travels on its own.
const RETRY = 5000;
let timer = 0;
const before = new WeakMap(); // what a field held when it got the focus

function later(form) {
  form.dataset.unsent = "1";
  const note = form.querySelector(".pn");
  if (note && !note.querySelector("[data-offline]")) {
    const words = document.createElement("p");
    words.className = "errors";
    words.dataset.offline = "";
    words.textContent = "Not saved yet: there is no connection. It is sent as soon as there is one.";
    note.append(words);
  }
  timer ||= setInterval(again, RETRY);
}

function again() {
  const waiting = document.querySelectorAll("form.pf[data-unsent]");
  if (!waiting.length) {
    clearInterval(timer);
    timer = 0;
  }
  for (const form of waiting) htmx.trigger(form, "change");
}

addEventListener("online", again);
document.addEventListener("htmx:sendError", (event) => {
  const form = event.detail.elt;
  if (form.matches?.("form.pf")) later(form);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("form.pf") || !event.detail.xhr.status) return;
  delete form.dataset.unsent;
  form.querySelector("[data-offline]")?.remove();
});
document.addEventListener("focusin", (event) => {
  if (event.target.form?.matches("form.pf")) before.set(event.target, event.target.value);
});
addEventListener("pagehide", () => {
  const field = document.activeElement;
  const forms = new Set(document.querySelectorAll("form.pf[data-unsent]"));
  if (field?.form?.matches("form.pf") && before.has(field) && before.get(field) !== field.value) forms.add(field.form);
  for (const form of forms) {
    fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-CSRFToken": csrfToken(), "HX-Request": "true" },
      keepalive: true,
    }).catch(() => undefined);
  }
});
