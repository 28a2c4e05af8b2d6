// The tree of the outline by keyboard: one tab stop, arrows to walk, open and close, letters to find.
// Without this script each line is a link of its own.
const kept = new Set(); // closed lines, by address

const linesOf = (tree) => [...tree.querySelectorAll('[role="treeitem"]')];
const shownOf = (tree) => linesOf(tree).filter((line) => !line.closest(".inner[hidden]"));
const levelOf = (line) => Number(line.getAttribute("aria-level"));
const innerOf = (line) => (line.hasAttribute("aria-expanded") ? line.parentElement.querySelector(":scope > .inner") : null);
const isOpen = (line) => line.getAttribute("aria-expanded") === "true";

function begin(root) {
  for (const tree of root.querySelectorAll("[data-tree]")) {
    const lines = linesOf(tree);
    for (const line of lines) {
      if (kept.has(line.getAttribute("href"))) open(line, false);
      line.tabIndex = -1;
    }
    const first = lines.find((line) => line.hasAttribute("aria-current")) ?? lines[0];
    if (first) first.tabIndex = 0;
  }
}

function open(line, isWanted) {
  const inner = innerOf(line);
  if (!inner) return;
  line.setAttribute("aria-expanded", String(isWanted));
  inner.hidden = !isWanted;
  if (isWanted) kept.delete(line.getAttribute("href"));
  else kept.add(line.getAttribute("href"));
}

function go(tree, line) {
  if (!line) return;
  for (const one of linesOf(tree)) one.tabIndex = -1;
  line.tabIndex = 0;
  line.focus();
}

function around(tree, line) {
  const lines = linesOf(tree);
  return lines.slice(0, lines.indexOf(line)).findLast((one) => levelOf(one) < levelOf(line));
}

function press(event, tree, line) {
  const shown = shownOf(tree);
  const at = shown.indexOf(line);
  switch (event.key) {
    case "j":
    case "ArrowDown": return go(tree, shown[at + 1]);
    case "k":
    case "ArrowUp": return go(tree, shown[at - 1]);
    case "Home": return go(tree, shown[0]);
    case "End": return go(tree, shown.at(-1));
    case "ArrowRight":
      if (innerOf(line) && !isOpen(line)) return open(line, true);
      return innerOf(line) ? go(tree, shown[at + 1]) : undefined;
    case "ArrowLeft":
      return innerOf(line) && isOpen(line) ? open(line, false) : go(tree, around(tree, line));
    case " ": return line.click();
    default: return find(event.key, tree, shown, at);
  }
}

function find(letter, tree, shown, at) {
  const turned = [...shown.slice(at + 1), ...shown.slice(0, at + 1)];
  go(tree, turned.find((one) => one.textContent.trim().toLowerCase().startsWith(letter.toLowerCase())));
}

const MEANT = new Set(["ArrowDown", "ArrowUp", "Home", "End", "ArrowRight", "ArrowLeft", " "]);

document.addEventListener("keydown", (event) => {
  const line = event.target.closest?.('[data-tree] [role="treeitem"]');
  if (!line || event.ctrlKey || event.metaKey) return;
  const tree = line.closest("[data-tree]");
  if (event.altKey) {
    const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    const button = way && line.hasAttribute("aria-current") && document.querySelector(`[data-shift="${way}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (!MEANT.has(event.key) && !/^[\p{L}\p{N}]$/u.test(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  press(event, tree, line);
}, true);

// The icon of a line that holds others opens and closes it by a click as well.
document.addEventListener("click", (event) => {
  const line = event.target.closest?.('[data-tree] [role="treeitem"][aria-expanded]');
  if (!line || !event.target.closest(".ki")) return;
  event.preventDefault();
  event.stopPropagation();
  open(line, !isOpen(line));
}, true);

document.addEventListener("focusin", (event) => {
  const line = event.target.closest?.('[data-tree] [role="treeitem"]');
  if (line && line.tabIndex !== 0) go(line.closest("[data-tree]"), line);
});
document.addEventListener("htmx:afterSettle", () => begin(document));
begin(document);
