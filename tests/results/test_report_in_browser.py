import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from ganscape.results import report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
TABLE = {"ns_gan": [[3.0, 4.0], [None, 2.0], [7.0, 8.0]], "a_method_with_a_long_name": [[9.0, 5.0], [6.0, 11.0]]}


@pytest.fixture
def folder(build):
    folder = build(TABLE, question="A question that is long enough to need several lines on a telephone? " * 2)
    (folder / "samples" / "ns_gan-1-1").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(picture).save(folder / "samples" / "ns_gan-1-1" / "200.png")
    return folder


def ask(folder, script, width=1280):
    """What the script returns, run in the page in a frame of that width."""
    page = report.write_report(folder)
    (folder / "frame.html").write_text(
        f"""<body style="margin:0"><iframe src="{page.name}" style="width:{width}px;height:900px;border:0"></iframe>
        <script>addEventListener("load", async () => {{
          const page = document.querySelector("iframe").contentDocument, window = page.defaultView;
          const answer = await (async () => {{ {script} }})();
          const shown = document.createElement("pre");
          shown.id = "answer";
          shown.textContent = JSON.stringify(answer);
          document.body.append(shown);
        }});</script>"""
    )
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--allow-file-access-from-files",
               f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=5000", "--dump-dom",
               f"file://{folder / 'frame.html'}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return json.loads(html.unescape(re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.DOTALL)[1]))


def test_points_tables_and_dialogs_work(folder):
    found = ask(
        folder,
        """
        const use = page.querySelector('use[data-point]'), box = use.getBoundingClientRect();
        const at = {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true};
        use.dispatchEvent(new window.PointerEvent("pointermove", at));
        const tip = page.getElementById("tip").textContent;
        use.dispatchEvent(new window.MouseEvent("click", at));
        const about = page.getElementById("about"), image = about.querySelector("img");
        await image.decode();
        const dialog = {open: about.open, text: about.innerText, width: image.naturalWidth};
        about.close();
        const table = page.querySelector(".sortable"), first = () => table.rows[1].cells[0].innerText;
        const head = [...table.rows[0].cells].find(cell => cell.innerText === "Median");
        const order = [first()];
        for (let i = 0; i < 2; i++) { head.click(); order.push(first()); }
        return {tip, dialog, order, title: page.querySelectorAll("use title").length};
        """,
    )
    assert found["tip"] == "ns_gan ns_gan-1 seed 1: 2" and found["title"] == 0
    assert found["dialog"]["open"] and found["dialog"]["width"] == 64
    for part in ("ns_gan: 2", "Config ns_gan-1, seed 1, trial ns_gan-1-1", "learning_rate 0.1"):
        assert part in found["dialog"]["text"]
    assert found["order"] == ["ns_gan", "ns_gan", "a_method_with_a_long_name"]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(folder, width):
    found = ask(
        folder,
        """
        const wide = [...page.querySelectorAll("main *:not(svg *)")].filter(each => !each.closest(".wide") &&
            each.getBoundingClientRect().right > window.innerWidth + 1).map(each => each.outerHTML.slice(0, 80));
        const tables = [...page.querySelectorAll(".wide:not(.legible)")];
        const inner = tables.map(each => each.scrollWidth - each.clientWidth);
        return {inner, wide, page: page.documentElement.scrollWidth};
        """,
        width,
    )
    assert found["page"] == width and found["wide"] == [] and max(found["inner"]) <= 1
