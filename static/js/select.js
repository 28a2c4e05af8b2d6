// Rows that are ticked: how many, all of them at once, and no refresh while any is.
function recount(form) {
  const boxes = [...form.querySelectorAll('input[name="run"]')];
  const all = form.querySelector("[data-all]")?.checked;
  const count = boxes.filter((box) => box.checked).length;
  const every = form.querySelector("[data-tick-all]");
  if (every) {
    every.checked = count > 0 && count === boxes.length;
    every.indeterminate = count > 0 && count < boxes.length;
  }
  const word = form.querySelector("[data-count]");
  if (word) word.textContent = all ? "All that match" : `${count} ticked`;
  if (count || all) form.dataset.dirty = "1";
  else delete form.dataset.dirty;
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-select]");
  if (!form) return;
  if (event.target.matches("[data-tick-all]")) {
    for (const box of form.querySelectorAll('input[name="run"]')) box.checked = event.target.checked;
  }
  recount(form);
});
document.addEventListener("reset", (event) => {
  if (event.target.matches("form[data-select]")) setTimeout(() => recount(event.target));
});
