// The deadline of the open request is told at 10, 5 and 1 minutes left, once each, politely; the
// moment itself comes from the server, and what happens then is the server's as well.
const MARKS = [10, 5, 1];
const told = new Set();

function region() {
  return document.getElementById("due-told");
}

function words(minutes) {
  return minutes === 1 ? "One minute left to decide" : `${minutes} minutes left to decide`;
}

export function mark(seconds) {
  return MARKS.findLast((minutes) => seconds > 0 && seconds <= minutes * 60) ?? null;
}

function look() {
  const clock = document.querySelector("[data-due]");
  const place = region();
  if (!clock || !place) return;
  const left = (Date.parse(clock.dataset.due) - Date.now()) / 1000;
  const minutes = mark(left);
  const key = `${clock.dataset.due} ${minutes}`;
  if (minutes === null || told.has(key)) return;
  // A page that opens below a mark tells only that one, not those it passed.
  for (const passed of MARKS) if (passed >= minutes) told.add(`${clock.dataset.due} ${passed}`);
  place.textContent = `${clock.dataset.reference}: ${words(minutes)}. ${clock.dataset.then}`;
}

look();
setInterval(look, 1000);
document.addEventListener("htmx:afterSettle", look);
