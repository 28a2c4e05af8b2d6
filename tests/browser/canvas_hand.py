"""A hand on the canvas: what a person does there with mouse and keyboard, and what then stands."""

import json

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

EDITOR = "document.querySelector('workflow-canvas').editor"
STILL = """
const done = arguments[arguments.length - 1];
let last = "", calm = 0;
(function look() {
  const now = document.querySelector(".react-flow__viewport").style.transform;
  calm = now === last ? calm + 1 : 0;
  last = now;
  if (calm > 3) done();
  else requestAnimationFrame(look);
})();
"""
BLANK = {"format": 1, "name": "Blank", "input": {}, "steps": [], "edges": []}


class Hand:
    """Drives the canvas of a page that is open."""

    def __init__(self, browser):
        self.browser = browser
        self.driver = browser.driver
        browser.until("document.querySelector('workflow-canvas[ready] .stage')")

    # What stands there.

    def drawn(self):
        """Give the steps `id:kind` and edges `from>to` of the draft as the canvas has it."""
        found = self.browser.script(
            f"const d = {EDITOR}.definition;"
            "return [(d.steps ?? []).map((s) => s.id + ':' + s.kind),"
            " (d.edges ?? []).map((e) => e.from + '>' + e.to)]"
        )
        return {"steps": sorted(found[0]), "edges": sorted(found[1])}

    def definition(self):
        return self.browser.script(f"return {EDITOR}.definition")

    def active(self):
        return self.browser.script("return document.activeElement.dataset.id ?? ''")

    def selected(self):
        return self.browser.script(f"return {EDITOR}.selected")

    def said(self):
        return self.browser.script(
            "return document.querySelector('workflow-canvas [role=status]').textContent.trim()"
        )

    def saved(self):
        """Send what waits, and go on once the server has everything."""
        self.browser.script("document.querySelector('workflow-canvas').saver.flush()")
        unsent = "document.querySelector('workflow-canvas').saver.unsent.length"
        self.browser.until(f"{EDITOR}.saved === 'saved' && {unsent} === 0")

    def until(self, condition):
        """Wait for a condition over `editor`."""
        self.browser.until(f"((editor) => {condition})({EDITOR})")

    # Keyboard.

    def keys(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def chord(self, *keys):
        *held, last = keys
        chain = ActionChains(self.driver)
        for key in held:
            chain.key_down(key)
        chain.send_keys(last)
        for key in reversed(held):
            chain.key_up(key)
        chain.perform()

    def add(self, words):
        """Add a step by keyboard: N, its name, Enter."""
        count = self.browser.script(f"return {EDITOR}.history.done.length")
        if self.active():
            self.keys("n")
        else:
            self.browser.script("document.querySelector('.palette input').focus()")
        self.browser.until("document.activeElement.matches('.palette input')")
        self.keys(words, Keys.ENTER)
        self.until(f"editor.history.done.length > {count}")
        self.until("document.activeElement.dataset.id === editor.active")

    # Mouse.

    def box(self, path):
        return self.driver.find_element(By.CSS_SELECTOR, f'.react-flow__node[data-id="{path}"]')

    def port(self, path, name):
        selector = f'.react-flow__node[data-id="{path}"] > [data-handleid="{name}"]'
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def drop(self, label, x, y):
        """Drag a kind from the palette to a place, counted from the middle of the canvas."""
        item = self.driver.find_element(
            By.XPATH, f"//div[@role='option'][.//span[text()={json.dumps(label)}]]"
        )
        pane = self.driver.find_element(By.CSS_SELECTOR, ".react-flow__pane")
        count = self.browser.script(f"return {EDITOR}.history.done.length")
        chain = ActionChains(self.driver, duration=60).click_and_hold(item).move_by_offset(8, 8)
        chain.move_to_element_with_offset(pane, x, y).move_by_offset(2, 2).release().perform()
        self.until(f"editor.history.done.length > {count}")

    def draw(self, source, port, target):
        """Draw a connection; give the reason that is shown before the button is let go."""
        chain = ActionChains(self.driver, duration=60).move_to_element(self.box(source))
        chain.click_and_hold(self.port(source, port)).move_by_offset(0, 12)
        chain.move_to_element(self.box(target)).move_by_offset(3, 3).perform()
        why = self.browser.script("return document.querySelector('.why')?.textContent ?? ''")
        ActionChains(self.driver).release().perform()
        return why

    def edge(self, link):
        """Give the point in the middle of an edge, and its end that can be moved."""
        css = f'.react-flow__edge[data-id="{link}"]'
        path = self.driver.find_element(By.CSS_SELECTOR, f"{css} .react-flow__edge-path")
        return path, f"{css} .react-flow__edgeupdater-target"

    def move_end(self, link, target):
        """Move the end of an edge to another box."""
        _, end = self.edge(link)
        anchor = self.driver.find_element(By.CSS_SELECTOR, end)
        chain = ActionChains(self.driver, duration=60).click_and_hold(anchor).move_by_offset(4, 9)
        chain.move_to_element(self.box(target)).move_by_offset(3, 3).release().perform()

    def choose(self, *paths):
        """Select boxes, all in view, by clicking each, the others with Control."""
        self.all_shown()
        for place, path in enumerate(paths):
            chain = ActionChains(self.driver, duration=20)
            if place:
                chain.key_down(Keys.CONTROL)
            chain.click(self.box(path)).key_up(Keys.CONTROL).perform()
        self.until(f"editor.selected.length === {len(paths)}")

    def all_shown(self):
        """Show everything, and go on once the view stands still."""
        self.driver.execute_async_script(STILL)
        self.browser.script("document.querySelector('[aria-label=\"Show everything\"]').click()")
        self.driver.execute_async_script(STILL)

    def pull(self, path, x, y):
        """Move a box with the mouse."""
        chain = ActionChains(self.driver, duration=60).click_and_hold(self.box(path))
        chain.move_by_offset(6, 6).move_by_offset(x - 6, y - 6).move_by_offset(1, 1)
        chain.release().perform()

    def into(self, path, container):
        """Drag a box into an open container."""
        count = self.browser.script(f"return {EDITOR}.history.done.length")
        chain = ActionChains(self.driver, duration=60).click_and_hold(self.box(path))
        chain.move_by_offset(6, 6).move_to_element(self.box(container)).move_by_offset(2, 2)
        chain.release().perform()
        self.until(f"editor.history.done.length > {count}")


class Walk:
    """Goes about the canvas by its keys alone."""

    def __init__(self, hand):
        self.hand = hand

    def to(self, path):
        """Press arrows until that box has the focus."""
        tried = set()
        for _ in range(60):
            active = self.hand.active()
            if active == path:
                return
            fitting = [key for key in self._keys(active, path) if (active, key) not in tried]
            assert fitting, f"no arrow leads from {active} to {path}"
            tried.add((active, fitting[0]))
            self.hand.keys(fitting[0])
        raise AssertionError(f"the arrows never came to {path}")

    def _keys(self, active, path):
        """Give the arrows, the one that points there first."""
        dx, dy = self.hand.browser.script(
            f"const [one, two] = [...arguments].map((id) => {EDITOR}.drawn.rects.get(id));"
            "return [two.x + two.width / 2 - one.x - one.width / 2, two.y - one.y]",
            active,
            path,
        )
        across = [Keys.ARROW_RIGHT, Keys.ARROW_LEFT][:: 1 if dx > 0 else -1]
        along = [Keys.ARROW_DOWN, Keys.ARROW_UP][:: 1 if dy > 0 else -1]
        nearer, other = (along, across) if abs(dy) > abs(dx) / 4 else (across, along)
        return [nearer[0], other[0], other[1], nearer[1]]

    def connect(self, source, port, target):
        """C, P until the port is named, arrows until the target is, Enter."""
        self.to(source)
        count = self.hand.browser.script(f"return {EDITOR}.history.done.length")
        self.hand.keys("c")
        name = self.hand.browser.script(f"return {EDITOR}.graph.boxes.get('{target}').name")
        words = "" if port == "done" else f"By {port.replace('_', ' ')}. "
        self._until("p", lambda said: said.removeprefix("Connecting. ").startswith(words or "Targ"))
        self._until(Keys.ARROW_RIGHT, lambda said: f"{words}Target: {name}," in said)
        self.hand.keys(Keys.ENTER)
        self.hand.until(f"editor.history.done.length > {count}")

    def _until(self, key, holds):
        for _ in range(30):
            if holds(self.hand.said()):
                return
            self.hand.keys(key)
        raise AssertionError(f"it was never said; last: {self.hand.said()}")
