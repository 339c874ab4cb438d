"""The web page of an episode in Chromium: it shows the infos, obeys mouse and keyboard, and asks for nothing."""

import itertools
import json

import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.rendering.page import write_page
from tests.browser import browser, served

pytestmark = pytest.mark.slow

SEED, POLICIES = 3, ("greedy", "proportional")
CONFIG = scenarios.configure("urban-outages", max_cycles=25)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_page(folder / "episode.html", POLICIES, CONFIG, seed=SEED)
    with served(folder) as (address, asked), browser() as driver:
        driver.get(f"{address}/episode.html")
        yield driver, asked


@pytest.fixture
def driver(opened):
    """The page, paused in its first slot."""
    driver, _ = opened
    driver.refresh()
    yield driver
    problems = [entry for entry in driver.get_log("browser") if entry["level"] != "INFO"]
    assert not problems, problems


@pytest.fixture(scope="module")
def played():
    """The infos and the system utility of each slot that ``greedy`` plays, in the single game."""
    from edgeoffload_env.evaluation.rollout import policy_rng, rollout
    from edgeoffload_env.policies import make

    env = edgeoffload_v0.parallel_env(CONFIG)
    env.reset(seed=SEED)
    steps = rollout(make("greedy"), "greedy", env, policy_rng(SEED), CONFIG.max_cycles)
    return [(step.returned[4], env.utility()) for step in steps]


@pytest.fixture(scope="module")
def infos(played):
    return [infos for infos, _ in played]


def element(driver, selector):
    return driver.find_element("css selector", selector)


def slot_of(driver):
    number, total = element(driver, "#shown").text.split(" / ")
    assert int(total) == CONFIG.max_cycles
    assert element(driver, "#slot").get_attribute("aria-valuetext") == f"slot {number} of {total}"
    assert element(driver, "#slot").get_attribute("value") == number
    return int(number)


def until(driver, condition, limit_s=20):
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(driver, limit_s, poll_frequency=0.05).until(lambda _: condition())


def press(driver, *names):
    """Press keys where the focus is."""
    from selenium.webdriver import ActionChains, Keys

    for name in names:
        ActionChains(driver).send_keys(getattr(Keys, name)).perform()


def rows_of(driver, table):
    """Rows of a table by their first cell: columns to texts."""
    head, *rows = driver.execute_script(
        "return [...arguments[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent))", table
    )
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def assert_shows(text, value):
    if isinstance(value, bool):
        assert text == ("yes" if value else "no")
    else:
        assert float(text) == pytest.approx(value, rel=5e-4)


@pytest.mark.parametrize("slot", [1, 12, CONFIG.max_cycles])
def test_tables_show_the_infos(driver, infos, slot):
    element(driver, "details summary").click()
    show(driver, slot)
    users = rows_of(driver, until(driver, lambda: element(driver, "details table:has(tr)")))
    assert list(users) == [f"user_{n}" for n in range(CONFIG.num_users)]
    headings = {q["name"]: q["heading"] for q in json.loads(data_of(driver))["infos"] if q["scope"] == "user"}
    assert set(headings) == {name for name, quantity in CONFIG.schema.infos.items() if quantity.scope == "user"}
    for user, row in users.items():
        for name, heading in headings.items():
            assert_shows(row[heading], infos[slot - 1][user][name])
    sums = rows_of(driver, element(driver, "#sums"))
    so_far = sum(info["energy_j"] for of_slot in infos[:slot] for info in of_slot.values())
    assert_shows(sums["energy (J)"]["greedy: so far"], so_far)
    delay_s = sum(info["delay_s"] for of_slot in infos[:slot] for info in of_slot.values())
    assert_shows(sums["delay (s)"]["greedy: so far"], delay_s)
    assert sums["delay (s)"]["proportional: so far"] != sums["delay (s)"]["greedy: so far"]
    tasks = sum(info["active"] for of_slot in infos[:slot] for info in of_slot.values())
    assert_shows(rows_of(driver, element(driver, "#metrics"))["mean delay (s)"]["greedy"], delay_s / tasks)


def show(driver, slot):
    driver.execute_script(
        "const slider = document.getElementById('slot'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'))",
        slot,
    )
    assert slot_of(driver) == slot


def test_the_header_has_means_of_one_kind(driver, played):
    """Per task and per slot: no sum over users stands beside a mean over them."""
    slots = 12
    show(driver, slots)
    tasks = [info for infos, _ in played[:slots] for info in infos.values() if info["active"]]
    expected = {
        "utility": (sum(utility for _, utility in played[:slots]) / slots, "per user and slot"),
        "delay": (sum(info["delay_s"] for info in tasks) / len(tasks), "s per task"),
        "energy": (sum(info["energy_j"] for info in tasks) / len(tasks), "J per task"),
    }
    means = element(driver, "#plays .note").text.split("; means so far: ")[1].split(", ")
    assert len(means) == len(expected)
    for mean, (name, (value, per)) in zip(means, expected.items(), strict=True):
        noun, shown, unit = mean.split(" ", 2)
        assert (noun, unit) == (name, per)
        assert_shows(shown, value)


def test_axes_end_near_the_largest_deadline_and_longer_bars_are_marked(driver):
    episode = json.loads(data_of(driver))
    deadlines = episode["shared"]["deadline_s"]["values"]
    largest_s = max(max(slot) if isinstance(slot, list) else slot for slot in deadlines)
    labels = driver.find_elements("css selector", ".tall svg text.soft")
    ticks = [float(label.text.removesuffix(" s")) for label in labels]
    end_s = max(ticks)
    assert largest_s <= end_s <= 1.5 * largest_s
    assert len(set(ticks)) >= 4
    found = []
    for slot in range(1, CONFIG.max_cycles + 1, 4):
        show(driver, slot)
        cards = driver.find_elements("css selector", "#plays > section")
        for card, play in zip(cards, episode["plays"], strict=True):
            longer = sum(delay_s > end_s for delay_s in play["infos"]["delay_s"]["values"][slot - 1])
            assert len(card.find_elements("css selector", ".tall svg path.cut")) == longer
            found.append(longer)
    assert any(found)
    assert not all(found)


def test_numbers_of_users_lie_above_the_circles_and_apart(driver):
    drawn = driver.execute_script(
        "return [...document.querySelector('.map').children].map((part) => part.getAttribute('class'))"
    )
    names = [place for place, kind in enumerate(drawn) if kind == "name"]
    assert len(names) == CONFIG.num_users
    assert max(place for place, kind in enumerate(drawn) if kind != "name") < min(names)
    boxes = driver.execute_script(
        "const box = (e) => { const b = e.getBBox(); return [b.x, b.y + 4, b.x + b.width, b.y + b.height - 4]; };"
        "return [...document.querySelector('.map').querySelectorAll('.name, rect[rx]')].map(box)"
    )
    for one, other in itertools.combinations(boxes, 2):
        left, top = np.maximum(one[:2], other[:2])
        right, bottom = np.minimum(one[2:], other[2:])
        assert right <= left or bottom <= top


def data_of(driver):
    return element(driver, "#episode").get_attribute("textContent")


def test_pictures_show_the_choices(driver, infos):
    for slot in (1, 2):
        users = driver.find_elements("css selector", "section:first-of-type .map .user title")
        texts = dict(title.get_attribute("textContent").split(": ") for title in users[: CONFIG.num_users])
        for user, info in infos[slot - 1].items():
            target = "device" if info["target"] == 0 else f"server {info['target']}"
            late = ", deadline missed" if info["missed"] else ""
            assert texts[user] == ("no task" if not info["active"] else target) + late
        element(driver, "#next").click()
    servers = rows_of(driver, element(driver, "#plays table"))
    tasks = [sum(info["target"] == m for info in infos[2].values()) for m in range(1, CONFIG.servers + 1)]
    assert [int(row["tasks"]) for row in servers.values()] == tasks


def test_the_slider_obeys_mouse_and_keys(driver):
    from selenium.webdriver import ActionChains

    slider = element(driver, "#slot")
    ActionChains(driver).move_to_element(slider).click().perform()
    assert slot_of(driver) == pytest.approx((CONFIG.max_cycles + 1) / 2, abs=1)
    press(driver, "HOME")
    assert slot_of(driver) == 1
    press(driver, "ARROW_RIGHT", "ARROW_RIGHT")
    assert slot_of(driver) == 3
    press(driver, "ARROW_LEFT")
    assert slot_of(driver) == 2
    press(driver, "END", "ARROW_RIGHT")
    assert slot_of(driver) == CONFIG.max_cycles


def test_every_control_is_reached_by_the_keyboard(driver):
    reached = []
    for _ in range(6):
        press(driver, "TAB")
        reached.append(driver.switch_to.active_element.get_attribute("id"))
    assert reached == ["play", "previous", "next", "speed", "user", "slot"]
    for control in driver.find_elements("css selector", "button, select, input"):
        assert control.accessible_name
        assert control.aria_role in ("button", "combobox", "slider")
    for picture in driver.find_elements("css selector", "svg[role=img]"):
        assert picture.accessible_name


def test_it_plays_and_pauses_by_the_keyboard(driver):
    driver.execute_script("document.getElementById('speed').value = 20")
    press(driver, "TAB")
    press(driver, "SPACE")
    assert element(driver, "#play").text == "Pause"
    until(driver, lambda: slot_of_safely(driver) > 3)
    press(driver, "ENTER")
    assert element(driver, "#play").text == "Play"
    stopped = slot_of(driver)
    until(driver, lambda: f"Slot {stopped} of " in spoken(driver))
    assert slot_of(driver) == stopped
    press(driver, "ENTER")
    until(driver, lambda: element(driver, "#play").text == "Play")
    assert slot_of(driver) == CONFIG.max_cycles
    press(driver, "ENTER")  # from the start again
    until(driver, lambda: 0 < slot_of_safely(driver) < CONFIG.max_cycles)


def slot_of_safely(driver):
    """The slot while it plays, when several reads need not agree."""
    return int(element(driver, "#shown").text.split(" / ")[0])


def spoken(driver):
    summary = element(driver, "#summary")
    assert summary.get_attribute("aria-live") == "polite"
    return summary.get_attribute("textContent")


def test_a_screen_reader_hears_the_slot(driver, infos):
    element(driver, "#next").click()
    until(driver, lambda: spoken(driver).startswith(f"Slot 2 of {CONFIG.max_cycles}. greedy: "))
    of_slot = infos[1].values()
    tasks = sum(info["active"] for info in of_slot)
    devices = sum(info["active"] and info["target"] == 0 for info in of_slot)
    expected = (
        f"{tasks} task{'s' if tasks != 1 else ''}, {devices} on devices, {sum(i['missed'] for i in of_slot)} late"
    )
    assert f"greedy: {expected}" in spoken(driver)
    assert "proportional: " in spoken(driver)


def test_a_user_can_be_marked(driver):
    from selenium.webdriver.support.select import Select

    assert not driver.find_elements("css selector", "circle.chosen")
    Select(element(driver, "#user")).select_by_visible_text("user_5")
    assert len(driver.find_elements("css selector", '[data-user="5"] circle.chosen')) == len(POLICIES)
    driver.execute_script("document.querySelector('[data-user=\"5\"]').dispatchEvent(new Event('click'))")
    assert not driver.find_elements("css selector", "circle.chosen")
    assert Select(element(driver, "#user")).first_selected_option.text == "none marked"


def test_every_metric_has_a_curve(driver):
    from selenium.webdriver.support.select import Select

    metrics = Select(element(driver, "#metric"))
    assert len(metrics.options) == len(CONFIG.schema.metrics)
    for option in metrics.options:
        metrics.select_by_visible_text(option.text)
        curves = driver.find_elements("css selector", "#curve path")
        assert len(curves) == len(POLICIES)
        assert all("NaN" not in curve.get_attribute("d") for curve in curves)
        labels = driver.find_elements("css selector", '#curve text[text-anchor="end"]')
        ticks = {float(label.text): float(label.get_attribute("y")) for label in labels}
        assert 3 <= len(ticks) <= 7
        values, places = list(ticks), list(ticks.values())
        np.testing.assert_allclose(np.diff(values), values[1] - values[0], rtol=1e-3)
        np.testing.assert_allclose(np.diff(places), places[1] - places[0], rtol=1e-3)


@pytest.mark.parametrize("width", [340, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_narrow_and_wide_light_and_dark(driver, width, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        colours = "const c = getComputedStyle(document.body); return [c.color, c.backgroundColor]"
        ink, back = (luminance(colour) for colour in driver.execute_script(colours))
        beside = driver.execute_script(
            "return [...document.querySelectorAll('#plays > section')].map((part) => part.getBoundingClientRect().top)"
        )
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert wide <= width
    assert (ink < back) == (scheme == "light")
    assert (max(ink, back) + 0.05) / (min(ink, back) + 0.05) >= 7.0  # WCAG's enhanced contrast
    assert (beside[0] == beside[1]) == (width == 1600)


def luminance(colour):
    """WCAG's relative luminance of ``rgb(r, g, b)``."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_nothing_else_is_loaded(opened):
    driver, asked = opened
    asked.clear()
    driver.get_log("performance")
    driver.refresh()
    element(driver, "#next").click()
    until(driver, lambda: "Slot 2" in spoken(driver))
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert {url for url in urls if not url.startswith("data:")} == {driver.current_url}
    assert asked == ["/episode.html"]
