// How much waits for this person: the badges of the navigation, on every page.
// A change of a request that concerns them is told by the socket; the number is the server's.

const badges = () => document.querySelectorAll("[data-waiting]");

export function showWaiting(text) {
  for (const badge of badges()) {
    if (badge.firstChild?.data !== text) badge.firstChild.data = text;
    badge.hidden = text === "0";
  }
}

document.addEventListener("inbox-changed", async () => {
  const address = badges()[0]?.dataset.waiting;
  if (!address || document.getElementById("queue")) return; // the inbox is told with its queue
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.ok && !answer.redirected) showWaiting((await answer.json()).waiting);
});
