"""The pages of `lodecast serve` in a real browser: seen, dragged, chosen and typed, over reloads and restarts of the server."""

import contextlib
import json
import math
import os
import re
import socket
import subprocess
import time

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
    assert page.title().startswith("other: ends at ")
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
    assert "loss=1" in page.url
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


def test_only_what_is_drawn_is_in_the_legend_and_the_choice_is_explained(server, page, picture):
    make(server)
    tell(server, range(150))
    page.goto(f"{server.url}/runs/run")
    wait_for(page, "#sentence", "ends at")
    for line, key in [("#metric-plot svg .best", "#key-course"), ("#rate-plot svg .rejected", "#key-rejected")]:
        assert page.locator(key).is_visible() == (page.locator(line).count() > 0), line
    # The best of the sweep has a course, which falls.
    course = page.eval_on_selector("#metric-plot polyline.best", "line => line.getAttribute('points').split(' ')")
    heights = [float(point.split(",")[1]) for point in course]
    assert len(heights) > 20 and heights[0] < heights[-1]
    # The interval of the end can be seen, and better on the scale of the end, which the address keeps.
    heights = {}
    for part, name in [("", "of the later part"), ("end", "of the end"), ("whole", "of the whole run")]:
        page.get_by_label("Scale").select_option(name)
        page.wait_for_url(f"**/runs/run#range={part}" if part else "**/runs/run")
        heights[part] = page.locator("#metric-plot .whisker").first.bounding_box()["height"]
        if part != "whole":
            wait_for(page, "#metric-range", "what lies beyond is left out")
    assert heights["end"] > heights[""] > heights["whole"] and heights["end"] > 10, heights
    wait_for(page, "#metric-range", r"to \d[\d.]*\.$")
    page.reload()
    wait_for(page, "#sentence", "ends at")
    assert page.get_by_label("Scale").input_value() == "whole"
    rows = page.locator("#candidates tr")
    assert rows.count() == page.locator("#candidates tr th").count() > 1
    wait_for(page, "#candidates-caption", "the highest score first")
    column = page.locator("#candidates-heads th").all_inner_texts().index("score")
    scores = [float(row.locator("td").nth(column - 1).inner_text()) for row in rows.all()]
    assert scores == sorted(scores, reverse=True)
    wait_for(page, "#choice", "^Chosen: ")
    # The end of the schedule in force is told twice, and which is which beside it.
    decided = server.get("/runs/run/view")["decisions"][-1]
    wait_for(page, "#ends", f"Of the schedule that was settled on, {re.escape(decided['predicted'])} was forecast then")
    wait_for(page, "#reason", f"^Decided at step {decided['at_step']}: {re.escape(decided['reason'])}$")
    assert page.locator("#candidates tr.chosen").count() == 1
    page.get_by_text("What the columns mean").click()
    assert page.locator("#columns-meaning dt").count() == page.locator("#candidates-heads th").count() - 2
    assert "keep_pick" not in page.locator("body").inner_text()
    picture(page, "explained")


def test_a_run_that_is_not_there_is_said_to_be_missing_and_shown_once_it_is_made(server, page, picture):
    page.goto(f"{server.url}/runs/later")
    wait_for(page, "#sentence", "there is no run 'later'")
    wait_for(page, "#connection", "looking again")
    wait_for(page, "#remedy", "make it: PUT")
    assert page.locator("main").is_hidden()
    picture(page, "missing")
    make(server, "later")
    wait_for(page, "#sentence", "ends at")
    wait_for(page, "#connection", "^live$")
    assert page.locator("main").is_visible() and page.locator("#remedy").is_hidden()


def test_the_list_shows_the_part_that_is_asked_for(server, page, picture):
    for run in ["waits", "over", "goes"]:
        make(server, run)
    tell(server, range(TOTAL), "over")
    page.goto(server.url)
    wait_for(page, "#count", "3 runs$")
    page.get_by_label("Show").select_option("finished")
    wait_for(page, "#count", "1 run finished")
    assert page.url.endswith("#which=finished")
    wait_for(page, "#runs", "ended at")
    page.reload()
    wait_for(page, "#count", "1 run finished")
    picture(page, "part")
    page.get_by_label("Show").select_option("under way")
    wait_for(page, "#count", "2 runs under way")
    page.get_by_label("Name holds").fill("wai")
    wait_for(page, "#count", "1 run under way whose name holds “wai”")
    page.get_by_label("Show").select_option("with alerts")
    wait_for(page, "#count", "0 runs with alerts whose")
    page.goto(f"{server.url}/#which=nonsense")
    wait_for(page, "#count", "3 runs$")


def test_the_page_of_follow_says_when_follow_has_ended_and_keeps_what_it_showed(tmp_path, law, page, picture):
    law.save(tmp_path / "toy.lode")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    log, metric = tmp_path / "log.csv", law.metric.split(":")[0]
    command = [binary(), "follow", "log.csv", "--model", "toy.lode", "--total-steps", "400", "--out", "rates.json"]
    command += ["--every", "0.1", "--page", place]

    def lines(steps):
        losses = ((step, 0.2 + 2.0 / (1.0 + 0.02 * step)) for step in steps)
        return "".join(f"{step},{loss},{loss + 0.05}\n" for step, loss in losses)

    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as follow:
        try:
            log.write_text(f"step,train_loss,{metric}\n" + lines(range(0, 200, 10)))
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(tuple(place.split(":")), timeout=1):
                    break
                time.sleep(0.05)
            page.goto(f"http://{place}")
            wait_for(page, "#sentence", "ends at")
            wait_for(page, "#connection", "^live$")
            with log.open("a") as more:
                more.write(lines(range(200, 401, 10)))
            wait_for(page, "#connection", "the run has ended, and so has lodecast follow")
            wait_for(page, "#sentence", "^ended at ")
            assert follow.wait(20) == 0
        finally:
            follow.kill()
    page.wait_for_timeout(4000)
    wait_for(page, "#connection", "the run has ended")
    assert page.locator("#metric-plot .measured").count() == 1
    picture(page, "ended")


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
    # What was weighed and decided is read without a scroll to the side, and every value says what it is.
    for table in ["#candidates", "#decisions"]:
        cells = page.locator(f"{table} tr").first.locator("th, td")
        boxes = [box for cell in cells.all() if (box := cell.bounding_box())["width"] > 0]
        assert len(boxes) > 4 and all(box["x"] + box["width"] <= width for box in boxes), (table, boxes)
    ends = page.locator("#candidates tr.chosen [data-head]").first
    assert ends.evaluate("cell => getComputedStyle(cell, '::before').content").strip('"') == "predicted end "
    # Fingers have room, and take the handle that is nearest.
    reaches = page.locator(".reach")
    assert reaches.count() == page.locator(".handle").count() == 6
    assert all(reach.bounding_box()["height"] >= 44 for reach in reaches.all())
    page.locator("#rate-plot").evaluate("plot => plot.scrollIntoView({ block: 'center' })")
    box = page.locator(".handle").nth(2).bounding_box()
    before = [handle.get_attribute("aria-valuenow") for handle in page.locator(".handle").all()]
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 16
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across, down + 12, steps=4)
    page.mouse.up()
    after = [handle.get_attribute("aria-valuenow") for handle in page.locator(".handle").all()]
    assert [k for k in range(6) if before[k] != after[k]] == [2]


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


def read_as_a_file(page, path):
    """Open a file and read it as somebody would: every value within it, and nothing asked of anybody."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    wait_for(page, "#sentence", "ends at")
    assert page.locator("#connection").inner_text() == "saved page"
    page.locator("#rate-plot").focus()
    page.keyboard.press("ArrowRight")
    wait_for(page, "#readout", "plan")
    page.get_by_text("The schedule in numbers").click()
    assert page.locator("#schedule tr").count() > 5
    # There is nobody to ask.
    assert page.locator("#decay-now, #hold, #keep, #use").evaluate_all("all => all.every((one) => one.hidden)")
    assert page.locator(".handle").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_page_is_kept_and_read_without_its_server(server, page, tmp_path, picture):
    make(server)
    tell(server, range(400))
    page.goto(server.url + "/runs/run")
    wait_for(page, "#sentence", "ends at")
    sentence = page.locator("#sentence").inner_text()
    with page.expect_download() as kept:
        page.get_by_text("Save this page as it is now").click()
    kept.value.save_as(tmp_path / "kept.html")
    server.kill()
    read_as_a_file(page, tmp_path / "kept.html")
    assert page.locator("#sentence").inner_text() == sentence
    assert page.locator("polyline.measured").count() > 0
    picture(page, "kept")


def test_a_plan_is_written_as_the_page_of_a_run(law, page, tmp_path, picture):
    law.save(tmp_path / "law.lode")
    command = [binary(), "plan", tmp_path / "law.lode", "--total-steps", str(TOTAL), "--html", tmp_path / "plan.html", "--json"]
    plan = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    read_as_a_file(page, tmp_path / "plan.html")
    assert page.locator("#reason").inner_text() == f"Decided before the start: {plan['reason']}"
    assert page.locator("#candidates tr").count() == len(plan["candidates"])
    picture(page, "plan")
