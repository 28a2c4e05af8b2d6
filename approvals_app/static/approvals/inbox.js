// The undo bar goes once its decision is in force; it stays while somebody points at it or is in it.
function leave(bar) {
  const isUsed = bar.matches(":hover") || bar.contains(document.activeElement);
  if (isUsed) setTimeout(() => leave(bar), 1000);
  else bar.remove();
}

for (const bar of document.querySelectorAll(".undo[data-until]")) {
  const left = Date.parse(bar.dataset.until) - Date.now();
  setTimeout(() => leave(bar), Math.max(left, 0));
}
