"""Measure the graph canvas in a headless Chromium: `python -m tests.bench.canvas`.

It is part of `make bench` too. Prints one JSON object and a table. The pages are made here and
served with the product's own static files; nothing else of the product runs, so the figures are
those of the canvas alone.
"""

import functools
import http.server
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TARGETS: dict[str, float] = {
    "first render, 30 steps, ms": 250,
    "first render, 200 steps, ms": 700,
    "drag at 200 steps, median frame, ms": 20,
    "pan at 200 steps, median frame, ms": 20,
    "run of 1,000 steps at 100 %, ms": 600,
    "50 updates a second, median frame, ms": 20,
    "tidy of 174 steps, ms": 1000,
    "bundle compressed, kB": 160,
}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Canvas</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self';
 style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'">
<link rel="stylesheet" href="/css/tokens.css"><link rel="stylesheet" href="/css/base.css">
<link rel="stylesheet" href="/canvas/dist/canvas.css">
<link rel="stylesheet" href="/canvas/dist/canvas-edit.css"><link rel="stylesheet" href="/bench.css">
<script type="module" src="/canvas/dist/canvas.js"></script></head>
<body data-live-topics="run:bench"><main id="room"></main></body></html>"""
STYLE = "html, body, #room { margin: 0; height: 100vh; } workflow-canvas { height: 100vh; }"
SHOW = """
const [mode, data, done] = arguments;
document.getElementById("room").replaceChildren();
document.getElementById("data")?.remove();
const script = document.createElement("script");
script.type = "application/json"; script.id = "data"; script.textContent = data;
document.body.append(script);
const canvas = document.createElement("workflow-canvas");
canvas.setAttribute("mode", mode); canvas.setAttribute("sprite", "/icons/sprite.svg");
canvas.setAttribute("topic", "run:bench"); canvas.dataset.graph = "data";
const began = performance.now();
document.getElementById("room").append(canvas);
const look = () => {
  const isThere = [".react-flow__node .nm", ".react-flow__edge-path"].every((one) =>
    canvas.querySelector(one));
  if (!isThere) return requestAnimationFrame(look);
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
};
look();
"""
WATCH = """
window.frames_ = []; let last = performance.now(); window.watching = true;
const next = (now) => {
  frames_.push(now - last); last = now;
  if (watching) requestAnimationFrame(next);
};
requestAnimationFrame(next);
"""
FRAMES = "window.watching = false; return window.frames_.slice(2)"
UPDATES = """
const [count, seconds, done] = arguments; const states = ["running", "succeeded", "waiting"];
let sent = 0;
const timer = setInterval(() => {
  const path = `s${(sent * 7) % count}`;
  const detail = {topic: "run:bench", sequence: sent, steps: [[path, states[sent % 3], sent]]};
  document.dispatchEvent(new CustomEvent("live-frame", {detail}));
  sent += 1;
  if (sent >= 50 * seconds) { clearInterval(timer); done(sent); }
}, 20);
"""
TIDY = """
const [done] = arguments; const began = performance.now();
const buttons = [...document.querySelectorAll(".bar button")];
buttons.find((one) => one.textContent.startsWith("Tidy")).click();
requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
"""


def graph(count: int, *, has_layout: bool = False) -> dict[str, Any]:
    """Give a definition of so many steps: a trunk with branches that meet again."""
    chance = random.Random(count)
    steps = [
        {"id": f"s{index}", "kind": "model", "with": {"model": "small", "prompt": "x"}}
        for index in range(count)
    ]
    pairs = {
        (max(0, index - chance.randint(1, 4)), index) for index in range(1, count) for _ in (1, 2)
    }
    edges = [{"from": f"s{one}", "to": f"s{two}"} for one, two in sorted(pairs)]
    definition: dict[str, Any] = {"format": 1, "name": "Bench", "steps": steps, "edges": edges}
    if has_layout:
        definition["layout"] = {
            f"s{index}": [(index % 8) * 248, (index // 8) * 104] for index in range(count)
        }
    return definition


def document(definition: dict[str, Any], *, is_run: bool = False) -> str:
    """Give what the server would send for a draft, or for a run that has begun."""
    from workflows_app.builder.palette import palette
    from workflows_app.core.definition.ports import rules_json

    states = ("succeeded", "running", "waiting")
    rows = [
        [step["id"], states[index % 3], 1200, None, "done", None, None, step["id"]]
        for index, step in enumerate(definition["steps"])
    ]
    return json.dumps(
        {
            "revision": 1,
            "definition": definition,
            "problems": [],
            "palette": palette(),
            "rules": rules_json(),
            "may_edit": not is_run,
            **({"sequence": 0, "steps": rows} if is_run else {}),
        }
    )


class _Files(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        made = {"/": ("text/html", PAGE), "/bench.css": ("text/css", STYLE)}.get(self.path)
        if made is None:
            super().do_GET()
            return
        body = made[1].encode()
        self.send_response(200)
        self.send_header("Content-Type", made[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def _frames(driver: Any, act: Any) -> float:
    driver.execute_script(WATCH)
    act()
    return float(statistics.median(driver.execute_script(FRAMES)))


def _mouse(driver: Any, kind: str, x: float, y: float, buttons: int = 0) -> None:
    button = "left" if buttons or kind == "mouseReleased" else "none"
    event = {"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1}
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def _drag(driver: Any, x: float, y: float) -> None:
    """Press, move in small circles for about two seconds, let go."""
    _mouse(driver, "mouseMoved", x, y)
    _mouse(driver, "mousePressed", x, y, 1)
    for step in range(90):
        _mouse(driver, "mouseMoved", x + step, y + (step % 20), 1)
        time.sleep(1 / 60)
    _mouse(driver, "mouseReleased", x + 90, y)


def measure(driver: Any, address: str) -> dict[str, float]:
    """Give every figure; renders are the best of three, after one that warms the code up."""
    driver.get(address)
    driver.set_script_timeout(60)
    show = functools.partial(driver.execute_async_script, SHOW)
    small, middle = document(graph(30)), document(graph(200))
    found: dict[str, float] = {}
    show("edit", small)
    found["first render, 30 steps, ms"] = min(show("edit", small) for _ in range(3))
    found["first render, 200 steps, ms"] = min(show("edit", middle) for _ in range(3))
    spot = "const r = document.querySelector('{}').getBoundingClientRect(); return [r.x, r.y]"
    x, y = driver.execute_script(spot.format('.react-flow__node[data-id="s0"]'))
    found["drag at 200 steps, median frame, ms"] = _frames(
        driver, lambda: _drag(driver, x + 60, y + 20)
    )
    found["pan at 200 steps, median frame, ms"] = _frames(driver, lambda: _drag(driver, 1180, 500))
    show("edit", document(graph(174)))
    found["tidy of 174 steps, ms"] = driver.execute_async_script(TIDY)
    run = document(graph(1000, has_layout=True), is_run=True)
    found["run of 1,000 steps at 100 %, ms"] = min(show("run", run) for _ in range(3))
    found["50 updates a second, median frame, ms"] = _frames(
        driver, lambda: driver.execute_async_script(UPDATES, 1000, 3)
    )
    return found


def _browser() -> Any:
    from selenium import webdriver

    from tests.browser.conftest import CHROMIUM, DRIVER, FLAGS

    if not CHROMIUM or not DRIVER:
        sys.exit("needs Chromium and its driver: set CHROMIUM and CHROMEDRIVER")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tempfile.mkdtemp(prefix="countersign-bench-")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1440,960"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def canvas_figures() -> dict[str, Any]:
    """Measure, and give the figures with the machine they were measured on."""
    import gzip

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    os.environ.setdefault("COUNTERSIGN_HOME", tempfile.mkdtemp(prefix="countersign-bench-"))
    django.setup()
    handler = functools.partial(_Files, directory=str(ROOT / "static"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    driver = _browser()
    try:
        figures = measure(driver, f"http://127.0.0.1:{server.server_port}/")
        version = driver.capabilities["browserVersion"]
    finally:
        driver.quit()
        server.shutdown()
    load = os.getloadavg()[0]
    bundle = (ROOT / "static/canvas/dist/canvas.js").read_bytes()
    figures["bundle compressed, kB"] = len(gzip.compress(bundle, 9)) / 1000
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, load {load:.1f}",
        "browser": f"Chromium {version}, headless, software rendering",
        "figures": {name: round(value, 1) for name, value in figures.items()},
    }


def main() -> None:
    """Print the figures as JSON, then as a table with their targets."""
    found = canvas_figures()
    print(json.dumps(found))
    print(f"\n{found['machine']}; {found['browser']}")
    for name, value in found["figures"].items():
        target = TARGETS[name]
        verdict = "ok" if value <= target else "MISSED"
        print(f"{name:45} {value:9.1f}   target {target:6.0f}   {verdict}")


if __name__ == "__main__":
    main()
