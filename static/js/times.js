// Relative times stay true while the page is open; the exact time is in `datetime` and the title.
// The words are those that the server wrote (templatetags/ui.py).
export function relative(at, now = Date.now()) {
  const seconds = (at - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 5 && seconds <= 0) return "just now";
  const text = size < 60 ? `${Math.trunc(size)} s` : size < 3600 ? `${Math.trunc(size / 60)} min` : `${Math.trunc(size / 3600)} h`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const away = Math.abs(at - Date.now());
    if (away < 86400000) write(element, relative(at));
    element.title ||= new Date(at).toLocaleString();
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    write(element, duration(Date.now() - Date.parse(element.dataset.since)));
  }
}

export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

refresh();
setInterval(refresh, 1000);
document.addEventListener("htmx:afterSettle", refresh);
