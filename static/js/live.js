// One WebSocket for each tab. A frame only says what changed; the page asks for the fragment it shows.
//   <body data-live-topics="run:ID runs inbox">  -> events on <body>: run-changed, runs-changed, inbox-changed
// While there is no connection, the same events are fired every 10 seconds.
const root = document.documentElement;
const topics = (document.body.dataset.liveTopics ?? "").split(/\s+/).filter(Boolean);
const SPACING = 250; // between two events of one topic
const GRACE = 5000; // before the page says that it is offline
const POLL = 10000;
const AGAIN = 1500;

const sequences = new Map();
const quiet = new Map();
let socket = null;
let tries = 0;
let poll = null;
let lastFrameAt = new Date();

function name(topic) {
  return `${topic.split(":")[0]}-changed`;
}

function fire(topic, detail) {
  const state = quiet.get(topic) ?? { until: 0, timer: null };
  quiet.set(topic, state);
  if (state.timer) return;
  // Many pages that hear the same do not ask at the same moment: the server says how far apart.
  const spread = detail.spread ?? 0;
  const wait = Math.max(0, state.until - Date.now(), Math.random() * spread);
  state.timer = setTimeout(() => {
    state.timer = null;
    state.until = Date.now() + Math.max(SPACING, spread);
    document.body.dispatchEvent(new CustomEvent(name(topic), { bubbles: true, detail }));
  }, wait);
}

function fireAll(spread = 0) {
  for (const topic of topics) fire(topic, { topic, steps: [], resync: true, spread });
}

function tell(state) {
  root.dataset.live = state;
  for (const element of document.querySelectorAll("[data-live-word]")) {
    element.textContent = state === "on"
      ? "Live"
      : `Reconnecting, last update ${lastFrameAt.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  }
}

let graceTimer = null;
function lost() {
  graceTimer ??= setTimeout(() => {
    tell("off");
    poll ??= setInterval(() => fireAll(), POLL);
  }, GRACE);
}

function found() {
  clearTimeout(graceTimer);
  graceTimer = null;
  clearInterval(poll);
  poll = null;
  tell("on");
}

function address() {
  const url = new URL("/ws/live/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("topics", topics.join(","));
  const runs = topics.filter((topic) => topic.startsWith("run:"));
  if (runs.length === 1 && sequences.has(runs[0])) url.searchParams.set("after", sequences.get(runs[0]));
  return url;
}

function connect() {
  const isAgain = tries > 0 || sequences.size > 0;
  socket = new WebSocket(address());
  socket.addEventListener("open", () => {
    tries = 0;
    found();
    if (isAgain) fireAll(AGAIN); // after a restart of the server everybody is back at once
  });
  socket.addEventListener("message", (event) => {
    const frame = JSON.parse(event.data);
    lastFrameAt = new Date();
    const known = sequences.get(frame.topic);
    sequences.set(frame.topic, frame.sequence);
    document.dispatchEvent(new CustomEvent("live-frame", { detail: frame }));
    // The first frame is what the page just rendered, unless something happened in between.
    const rendered = Number(document.body.dataset.liveSequence ?? -1);
    if (known === undefined && frame.topic.startsWith("run:") && frame.sequence === rendered) return;
    if (known === undefined && !frame.topic.startsWith("run:")) return;
    fire(frame.topic, frame);
  });
  socket.addEventListener("close", (event) => {
    lost();
    if (event.code === 4404 || event.code === 4401) return; // nothing to be seen here: polling says why
    const wait = Math.min(15000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
    tries += 1;
    setTimeout(connect, wait);
  });
}

if (topics.length) {
  connect();
  addEventListener("online", () => socket?.readyState === WebSocket.CLOSED && connect());
  addEventListener("offline", () => socket?.close());
}

// A part of the page that comes later may watch more: <div data-live-add="run:ID">.
document.addEventListener("htmx:load", (event) => {
  const found = event.detail.elt;
  const marked = found.matches?.("[data-live-add]") ? found : found.querySelector?.("[data-live-add]");
  const topic = marked?.dataset.liveAdd;
  if (!topic || topics.includes(topic)) return;
  topics.splice(0, topics.length, ...topics.filter((one) => !one.startsWith("run:")), topic);
  if (socket) socket.close();
  else connect();
});

// What somebody opened stays open when the fragment around it is fetched again.
if (globalThis.Idiomorph) {
  globalThis.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node, action) =>
    !(name === "open" && action === "remove" && node.localName === "details");
}

// A live refresh never takes away what somebody is using: it waits until they leave it.
const waiting = new Set();
function isBusy(target) {
  const active = document.activeElement;
  const isEditing = active && active !== document.body && target.contains(active) &&
    active.matches("input, textarea, select, [contenteditable]");
  const hasOpenForm = target.querySelector("dialog[open], details.menu[open], form[data-dirty]") !== null;
  const selection = getSelection();
  const hasSelection = selection && !selection.isCollapsed && target.contains(selection.anchorNode);
  return isEditing || hasOpenForm || hasSelection;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const cause = event.detail.requestConfig?.triggeringEvent?.type ?? "";
  if (!cause.endsWith("-changed")) return;
  if (event.detail.xhr.status >= 400 || event.detail.xhr.responseURL.includes("/sign-in/")) {
    event.detail.shouldSwap = false;
    return;
  }
  if (isBusy(event.detail.target)) {
    event.detail.shouldSwap = false;
    waiting.add(event.detail.elt);
  }
});
// Fragments beside the main one: they come with every answer, so the next one brings them again.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (isBusy(event.detail.target)) event.detail.shouldSwap = false;
});
document.addEventListener("focusout", () => setTimeout(catchUp, 200));
document.addEventListener("toggle", () => setTimeout(catchUp, 200), true);
function catchUp() {
  if (!waiting.size) return;
  waiting.clear();
  fireAll();
}
