"""The pages of `lodecast serve` in a real browser: seen, dragged, chosen and typed, over reloads and restarts of the server."""

import math
import os
import re

import pytest
from serving import NEEDS_BINARY, Server, binary

pytestmark = pytest.mark.skipif(binary() is None, reason=NEEDS_BINARY)

TOTAL = 1000
READ, WRITE = "reading-0123456789abcdef", "writing-0123456789abcdef"


@pytest.fixture
def server(tmp_path, law):
    server = Server(tmp_path, law)
    yield server.start()
    server.kill()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    #: What the page itself gets wrong; that a server is gone is not its fault.
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert wrong == []


def tell(server, steps, run="run", token=None):
    """Tell points as of a training, in batches."""
    steps = list(steps)
    for first in range(0, len(steps), 500):
        points = []
        for step in steps[first : first + 500]:
            loss = 0.2 + 2.0 / (1.0 + 0.02 * step) + 0.02 * math.sin(step)
            points.append({"step": step, "train_loss": loss})
            if step % 20 == 19:
                points[-1]["validation"] = loss + 0.05
        server.ask("POST", f"/v1/runs/{run}/points", {"points": points}, token)


def make(server, run="run", total_steps=TOTAL, token=None):
    server.ask("PUT", f"/v1/runs/{run}", {"model": "toy", "total_steps": total_steps}, token)


def wait_for(page, selector, text):
    page.locator(selector).filter(has_text=re.compile(text)).wait_for()


def test_the_list_leads_to_a_run_by_keyboard_and_stays_fast(server, page, picture):
    for number in range(30):
        make(server, f"sweep-{number}")
    make(server, "other")
    tell(server, range(200), "other")
    page.goto(server.url)
    wait_for(page, "#count", "31 runs")
    picture(page, "list")
    page.keyboard.press("Tab")
    page.keyboard.type("other")
    wait_for(page, "#count", "1 run whose name holds “other”")
    assert page.url.endswith("#q=other")
    page.reload()
    wait_for(page, "#count", "1 run whose name")
    page.get_by_role("link", name="other").focus()
    page.keyboard.press("Enter")
    wait_for(page, "#sentence", "ends at")
    assert page.url == f"{server.url}/runs/other"
    page.go_back()
    wait_for(page, "#count", "1 run whose name")


def test_a_run_is_seen_while_it_goes_over_reloads_and_a_restart_of_the_server(server, page, picture):
    make(server)
    tell(server, range(300))
    page.goto(f"{server.url}/runs/run")
    wait_for(page, "#sentence", "ends at .* next decision at step")
    progress = page.locator("#progress")
    assert progress.get_attribute("aria-valuenow") == "30"
    picture(page, "light")
    tell(server, range(300, 400))
    page.locator("#progress[aria-valuenow='40']").wait_for()
    # The same cursor in all pictures, by keyboard, kept in the address.
    page.locator("#metric-plot").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    wait_for(page, "#readout", r"^step 369 · .*plan")
    assert page.locator("svg .cursor").count() == 3
    page.wait_for_url("**/runs/run#step=369")
    page.reload()
    wait_for(page, "#readout", "^step 369 ")
    page.locator("#with-loss").check()
    assert page.locator("svg .loss").count() == 1
    wait_for(page, "#connection", "^live$")
    server.kill()
    wait_for(page, "#connection", "connection lost")
    assert page.locator("#sentence").inner_text().startswith("ends at"), "what is known stays"
    picture(page, "lost")
    server.start()
    wait_for(page, "#connection", "^live$")
    tell(server, range(400, 500))
    page.locator("#progress[aria-valuenow='50']").wait_for()
    rows = page.locator("#decisions tr").count()
    assert rows == server.get("/v1/runs/run")["revision"]
    page.emulate_media(color_scheme="dark")
    picture(page, "dark")
    tell(server, range(500, TOTAL))
    wait_for(page, "#sentence", r"^ended at 0\.\d+; 0\.\d+ ± 0\.\d+ had been forecast$")
    wait_for(page, "#right", r"The run ended at")
    assert page.locator(".handle").count() == 0
    picture(page, "over")


def test_a_handle_is_dragged_asked_about_and_chosen(server, page, picture):
    make(server)
    tell(server, range(300))
    page.goto(f"{server.url}/runs/run")
    wait_for(page, "#sentence", "ends at")
    handles = page.locator(".handle")
    assert handles.count() == 6
    assert page.locator("#use").is_hidden()
    box = handles.nth(3).bounding_box()
    before = float(handles.nth(3).get_attribute("aria-valuenow"))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 40, steps=8)
    page.mouse.up()
    wait_for(page, "#answer", r"With your schedule from step 301: ends at .* instead of")
    assert float(handles.nth(3).get_attribute("aria-valuenow")) > before
    assert "what-if=" in page.url
    picture(page, "asked")
    # The same by keyboard, up to the highest rate that the model knows.
    handles.nth(4).focus()
    for _ in range(30):
        page.keyboard.press("PageUp")
    value, most = (float(handles.nth(4).get_attribute(f"aria-value{name}")) for name in ("now", "max"))
    assert value == most
    page.reload()
    wait_for(page, "#answer", "With your schedule from step 301")
    revision = server.get("/v1/runs/run")["revision"]
    page.get_by_role("button", name="Use this schedule").click()
    wait_for(page, "#chosen", "Your schedule holds from step 301 on")
    wait_for(page, "#sentence", "keeps the schedule chosen by hand from step 301")
    wait_for(page, "#decisions tr:first-child", "chosen by hand")
    assert page.locator("#use").is_hidden() and "what-if" not in page.url
    picture(page, "chosen")
    run = server.get("/v1/runs/run")
    assert run["revision"] == revision + 1 and run["by_hand"]
    # It outlives the server, and its replans.
    server.kill()
    server.start()
    tell(server, range(300, 600))
    wait_for(page, "#connection", "^live$")
    wait_for(page, "#sentence", "chosen by hand")
    assert server.get("/v1/runs/run")["revision"] == revision + 1
    page.get_by_role("button", name="Let lodecast decide again").click()
    wait_for(page, "#decisions tr:first-child", "was handed back")
    assert not server.get("/v1/runs/run")["by_hand"]
    page.locator("#hand-back").wait_for(state="hidden")
    page.get_by_role("button", name="What if I decay now?").click()
    wait_for(page, "#answer", "With your schedule from step 601")
    page.get_by_role("button", name="Forget it").click()
    page.locator("#answer").wait_for(state="hidden")


def test_a_schedule_is_chosen_with_the_token_of_the_run_which_stays_in_the_page(tmp_path, law, page, picture):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"read {READ}\nwrite run {WRITE}\n")
    os.chmod(tokens, 0o600)
    server = Server(tmp_path, law, arguments=("--token-file", str(tokens))).start()
    try:
        make(server, token=WRITE)
        tell(server, range(300), token=WRITE)
        page.goto(f"{server.url}/runs/run")
        assert page.url == f"{server.url}/login?to=/runs/run"
        picture(page, "login")
        assert page.get_by_label("Token").evaluate("field => field === document.activeElement")
        page.keyboard.type("not-a-token-0123456789")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="That token opens nothing here").wait_for()
        page.emulate_media(color_scheme="dark")
        picture(page, "login-again")
        page.get_by_label("Token").fill(READ)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.url}/runs/run")
        wait_for(page, "#sentence", "ends at")
        page.get_by_role("button", name="What if I hold?").click()
        page.get_by_role("button", name="Use this schedule").click()
        field = page.get_by_label("Token to write this run")
        field.wait_for()
        picture(page, "token")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        field.fill(READ)
        page.keyboard.press("Enter")
        wait_for(page, "#chosen", "this token may not write this run")
        assert not server.ask("GET", "/v1/runs/run", token=READ)["by_hand"]
        field.fill(WRITE)
        page.keyboard.press("Enter")
        wait_for(page, "#chosen", "Your schedule holds")
        assert server.ask("GET", "/v1/runs/run", token=READ)["by_hand"]
        assert field.is_hidden() and field.input_value() == ""
        # It is asked for once, and kept nowhere.
        page.get_by_role("button", name="Let lodecast decide again").click()
        wait_for(page, "#chosen", "lodecast decides again")
        assert not any(WRITE in url for url in asked)
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert all(WRITE not in cookie["value"] for cookie in page.context.cookies())
        page.reload()
        page.get_by_role("button", name="What if I hold?").click()
        page.get_by_role("button", name="Use this schedule").click()
        field.wait_for()
        page.get_by_role("button", name="Leave it").click()
        field.wait_for(state="hidden")
    finally:
        server.kill()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (320, "dark")])
def test_a_narrow_screen_holds_all_of_it(server, page, picture, width, scheme):
    make(server)
    make(server, "a-run-with-a-name-that-does-not-end-before-the-edge-of-a-phone-is-reached")
    tell(server, range(300))
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    page.goto(server.url)
    wait_for(page, "#count", "2 runs")
    picture(page, "list")
    assert page.evaluate(fits)
    page.goto(f"{server.url}/runs/run")
    wait_for(page, "#sentence", "ends at")
    page.get_by_role("button", name="What if I decay now?").click()
    page.get_by_role("button", name="Use this schedule").wait_for()
    page.locator("#metric-plot").focus()
    page.keyboard.press("ArrowLeft")
    picture(page, "run")
    assert page.evaluate(fits)


def test_ten_thousand_points_are_drawn_as_some_hundreds(server, page, picture):
    make(server, total_steps=20_000)
    tell(server, range(10_000))
    page.goto(f"{server.url}/runs/run")
    wait_for(page, "#sentence", "ends at")
    page.locator("#with-loss").check()
    points = page.eval_on_selector("svg .loss", "line => line.getAttribute('points').split(' ').length")
    assert 100 < points <= 1600
    # Keys are answered at once.
    page.locator("#rate-plot").focus()
    took = page.evaluate("""() => {
        const begun = performance.now();
        for (let k = 0; k < 50; k += 1) {
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
        }
        return (performance.now() - begun) / 50;
    }""")
    assert took < 50, f"{took} ms a key"
    picture(page, "many")
