// Short messages. The server may send one with the HX-Trigger header: {"toast": {"text": "..."}}.
// A toast that is hovered or holds the focus stays.
const LIFE = 8000;

function watch(toast) {
  const life = Number(toast.dataset.life ?? LIFE);
  let left = life;
  let since = Date.now();
  let timer = setTimeout(() => toast.remove(), left);
  const hold = () => {
    clearTimeout(timer);
    left -= Date.now() - since;
  };
  const go = () => {
    since = Date.now();
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), Math.max(left, 1000));
  };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, go);
}

export function toast(text) {
  const box = document.getElementById("toasts");
  if (!box || !text) return;
  const element = document.createElement("div");
  element.className = "toast";
  element.textContent = text;
  box.append(element);
}

const box = document.getElementById("toasts");
if (box) {
  for (const element of box.children) watch(element);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === 1) watch(node);
    }
  }).observe(box, { childList: true });
}
document.addEventListener("toast", (event) => toast(event.detail?.text ?? event.detail?.value));
