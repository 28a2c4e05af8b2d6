// The button's form works alone; with scripts the colours change at once and the choice is sent behind.
import { csrfToken } from "./htmx-setup.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  root.dataset.theme = theme;
  const body = new URLSearchParams({ theme });
  fetch(form.action, {
    method: "POST",
    body,
    headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" },
    redirect: "manual",
  }).catch(() => {});
});
