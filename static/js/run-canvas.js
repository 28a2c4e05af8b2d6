// The run page and its canvas: a step chosen in one is chosen in the other, and a refresh of the
// page leaves the canvas as it is.
const canvas = () => document.querySelector("#run-live workflow-canvas");

// The canvas paints itself: what the server draws for pages without scripts never replaces it.
const { callbacks } = Idiomorph.defaults;
callbacks.beforeNodeMorphed = (old, fresh) =>
  !(old.localName === "workflow-canvas" && fresh.localName === "workflow-canvas");

let chosen = document.getElementById("run-live")?.dataset.step ?? "";

// What the canvas marks because the page chose it is chosen already: a box stands for all inside it.
document.addEventListener("canvas:select", (event) => {
  if (event.detail.isShown) return;
  const [path] = event.detail.paths;
  const live = document.getElementById("run-live");
  if (event.detail.paths.length !== 1 || path === chosen || !live) return;
  chosen = path;
  const url = new URL(live.getAttribute("hx-get"), location.href);
  url.searchParams.set("step", path);
  url.searchParams.delete("generation");
  history.pushState({ htmx: true }, "", url);
  htmx.ajax("GET", url.pathname + url.search, { source: live, target: live, swap: "morph" });
});

// Chosen in the timeline, the history or by the address: the canvas shows it.
document.addEventListener("htmx:afterSettle", () => {
  const step = document.getElementById("run-live")?.dataset.step ?? "";
  if (step === chosen) return;
  chosen = step;
  if (step && canvas()) {
    document.dispatchEvent(new CustomEvent("canvas:show", { detail: { path: step } }));
  }
});
