// The CSRF token travels with every changing request of ours; htmx takes it from the page.
const SAFE = new Set(["get", "head", "options", "trace"]);

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

document.addEventListener("htmx:configRequest", (event) => {
  if (!SAFE.has(event.detail.verb)) event.detail.headers["X-CSRFToken"] = csrfToken();
});

// A button of the form that has the focus when a changed field is saved was not pressed.
document.addEventListener("htmx:configRequest", (event) => {
  const { triggeringEvent, parameters } = event.detail;
  if (triggeringEvent?.type !== "change" || !event.target.matches("form.pf")) return;
  delete parameters.act;
  delete parameters.force;
});

document.addEventListener("htmx:sendError", () => say("No connection. Nothing was changed."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 401 || (status === 403 && !event.detail.elt.closest("[data-quiet]"))) {
    say("You may not do this, or you are no longer signed in. Nothing was changed.");
  } else if (status >= 500) {
    const id = event.detail.xhr.getResponseHeader("X-Request-Id");
    say(`That did not work, and nothing was changed.${id ? ` Request ${id}.` : ""}`);
  }
});

function say(text) {
  document.dispatchEvent(new CustomEvent("toast", { detail: { text } }));
}

// A thin bar says that something is on its way; it shows itself after 150 ms only.
let going = 0;
function progress(step) {
  going = Math.max(0, going + step);
  document.getElementById("progress")?.classList.toggle("htmx-request", going > 0);
}
document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.requestConfig?.triggeringEvent?.type?.endsWith("-changed")) return;
  progress(1);
  // Not by htmx:afterRequest: who asked may be gone from the page by then.
  event.detail.xhr.addEventListener("loadend", () => progress(-1), { once: true });
});
