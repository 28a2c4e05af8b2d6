"""A hand in the property forms: fields are written, rows added, and each save is awaited."""

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

WATCH = "window.saves ??= (document.addEventListener('draft:changed', () => saves++), 0)"
BUSY = ":is(.htmx-request, .htmx-swapping, .htmx-settling)"
QUIET = f"!document.querySelector('#properties{BUSY}, #properties form.pf{BUSY}')"
# How many presses of Tab lead from the focus to a field, by what the page holds between them;
# negative: of Shift and Tab.
AHEAD = """
const one = arguments[0], from = document.activeElement;
if (from === one) return 0;
const every = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
const isStop = (stop) => stop === one || stop === from || stop.tabIndex >= 0 &&
  !stop.matches(':disabled') && stop.checkVisibility({visibilityProperty: true});
const stops = [...document.querySelectorAll(every)].filter(isStop);
const way = stops.indexOf(one) - stops.indexOf(from);
return way || (from.compareDocumentPosition(one) & 2 ? -1 : 1);
"""


FOLDED = """
let found = null;
for (let one = arguments[0].closest("details"); one; one = one.parentElement.closest("details"))
  if (!one.open) found = one.querySelector("summary");
return found;
"""
OPTION = """
const one = [...arguments[0].options].find((o) => o.value === arguments[1]);
return [one.index, one.textContent];
"""


class Fields:
    """Fills the forms with the mouse: each field is clicked, then written."""

    def __init__(self, browser):
        self.browser = browser
        self.driver = browser.driver

    def at(self, path):
        """Wait until the fields of a step are shown."""
        self.browser.until(f"document.querySelector('#properties .ph')?.dataset.path === '{path}'")
        self.browser.until(QUIET)
        self.browser.script(WATCH)

    def write(self, pointer, name, text):
        self._write(f'form[data-field="{pointer}"] [name="{name}"]', text)

    def argument(self, pointer, prefix, key, text):
        """Write a named argument; one that the tool does not know begins by its name."""
        names = self.browser.script(
            "return [...document.querySelectorAll(`form[data-field='${arguments[0]}']"
            " [name^='${arguments[1]}/'][name$='/key']`)].map((one) => one.value)",
            pointer,
            prefix,
        )
        if key not in names:
            self.write(pointer, f"{prefix}/{len(names) - 1}/key", key)
            names[-1] = key
        self.write(pointer, f"{prefix}/{names.index(key)}/value", text)

    def people(self, pointer, name, people):
        """Ask these people and groups, and nobody whom the new step asks by itself."""
        token = f'form[data-field="{pointer}"] .ptok input[name="{name}/0"]'
        while self.driver.find_elements(By.CSS_SELECTOR, token):
            self.press(pointer, f"drop:{name}:0")
        for place, one in enumerate(people):
            self.write(pointer, f"{name}/{place}", one)

    def choose(self, pointer, name, value):
        self._saving(f'form[data-field="{pointer}"] [name="{name}"]', self._choose, value)

    def tick(self, pointer, name, value="on"):
        css = f'form[data-field="{pointer}"] [name="{name}"][value="{value}"]'
        self._saving(css, self._press, Keys.SPACE)

    def press(self, pointer, act):
        css = f'form[data-field="{pointer}"] button[value="{act}"]'
        self._saving(css, self._press, Keys.ENTER)

    def rename(self, new):
        """Give the step its name."""
        self._saving("#p-id", lambda field, text: self._written(field, text, Keys.ENTER), new)
        self.at(new)

    def _write(self, css, text):
        self._saving(css, self._written, text)

    def _written(self, field, text, last=Keys.TAB):
        self.reach(field)
        whole = ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a")
        whole.key_up(Keys.CONTROL).perform()
        self.driver.execute_cdp_cmd("Input.insertText", {"text": text})
        is_listed = "return document.querySelector('.complete') !== null"
        leave = [Keys.ESCAPE] if self.browser.script(is_listed) else []
        ActionChains(self.driver).send_keys(*leave, last).perform()

    def _saving(self, css, act, value):
        before = self.browser.script("return window.saves")
        field = self.driver.find_element(By.CSS_SELECTOR, css)
        while folded := self.browser.script(FOLDED, field):  # from the outside in
            self.open(folded)
        act(field, value)
        self.browser.until(f"window.saves > {before} && {QUIET}")

    # How the mouse does it.

    def reach(self, element):
        self.browser.script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def open(self, summary):
        self.reach(summary)

    def _press(self, element, _key):
        self.reach(element)

    def _choose(self, element, value):
        place, _ = self.browser.script(OPTION, element, value)
        Select(element).select_by_index(place)


def tabs_press(browser, count):
    """Press Tab so often; backwards where that is negative."""
    chain = ActionChains(browser.driver)
    if count < 0:
        chain.key_down(Keys.SHIFT)
    for _ in range(abs(count)):
        chain.send_keys(Keys.TAB)
    chain.key_up(Keys.SHIFT).perform()


class KeyFields(Fields):
    """Fills the forms without a mouse: Tab goes on, Enter and Space press, letters choose."""

    def reach(self, element, most=40):
        """Press Tab as often as it takes; what is on the way may change meanwhile."""
        for _ in range(most):
            way = self.browser.script(AHEAD, element)
            if way == 0:
                return
            tabs_press(self.browser, way)
        raise AssertionError(f"Tab never came to {element.get_attribute('outerHTML')[:200]}")

    def rename(self, new):
        """Give the step its name; the focus stays where it was written."""
        super().rename(new)
        self.browser.until("document.activeElement.id === 'p-id'")

    def open(self, summary):
        self._press(summary, Keys.ENTER)

    def _press(self, element, key):
        self.reach(element)
        ActionChains(self.driver).send_keys(key).perform()

    def _choose(self, element, value):
        self.reach(element)
        _, word = self.browser.script(OPTION, element, value)
        ActionChains(self.driver).send_keys(word).perform()
