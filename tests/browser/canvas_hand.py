"""A hand on the canvas: what a person does there with mouse and keyboard, and what then stands."""

import json

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

EDITOR = "document.querySelector('workflow-canvas').editor"
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
        """Wait until the server has everything."""
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
