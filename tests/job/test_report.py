"""The page of a run, looked at in a real browser: narrow and wide, light and dark."""

import io
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbird.errors import OutputError
from sparkbird.job import words
from sparkbird.job.record import Check
from sparkbird.job.report import OPEN, RUNS, render, write
from tests.job import chromium, results, screenshots

needs_chromium = pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no Chromium")
SIZES = [*itertools.product((390, 1400), ("light", "dark"))]

#: What is looked at: details are opened first, as what is folded has to fit too.
FACTS = """(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const seen = [...document.querySelectorAll('body *')].filter(e => e.getClientRects().length);
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = color => { const [r, g, b] = rgb(color).slice(0, 3).map(
      v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
      if (rgb(c)[3] !== 0) return c; } };
  const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  const faint = [];
  for (const e of seen.filter(own).filter(e => !e.closest('title, desc'))) {
    const style = getComputedStyle(e), svg = e.tagName === 'text';
    const pair = [svg ? style.fill : style.color, ground(svg ? e.closest('.card') : e)].map(light);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) faint.push(e.textContent.trim().slice(0, 40) + ': ' + ratio.toFixed(2));
  }
  const svgs = [...document.querySelectorAll('svg')].filter(
      e => getComputedStyle(e).display !== 'none' && e.parentElement.getClientRects().length);
  return JSON.stringify({
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    faint,
    svgs: svgs.length,
    flat: svgs.filter(e => !e.getBoundingClientRect().width || !e.getBoundingClientRect().height).length,
    unnamed: svgs.filter(e => !e.hasAttribute('aria-hidden') && !e.hasAttribute('aria-label')
        && !document.getElementById((e.getAttribute('aria-labelledby') || '').split(' ')[0])).length,
    headings: [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1])),
    twice: [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i),
    scripts: document.querySelectorAll('script, b b, dd b').length,
    lang: document.documentElement.lang,
    title: document.title,
    outside: seen.filter(e => !e.closest('svg, thead') && e.getBoundingClientRect().right
        > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 80)),
  });
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    for name, made in results.PAGES.items():
        write(made(), folder / f"{name}.html", previous=results.nights() if name == "done" else ())
    return folder


@needs_chromium
@pytest.mark.parametrize("name", results.PAGES)
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_page_fits_can_be_read_and_asks_for_nothing(page, written, name, width, scheme):
    page.open((written / f"{name}.html").as_uri(), width=width, scheme=scheme)
    seen = json.loads(page.evaluate(FACTS))
    assert page.complaints == []
    assert (seen["over"], seen["outside"]) == (0, [])
    assert seen["faint"] == []
    assert seen["svgs"] > 0
    assert (seen["flat"], seen["unnamed"], seen["twice"]) == (0, 0, [])
    assert seen["headings"][0] == 1
    assert seen["headings"].count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(seen["headings"]))
    assert seen["scripts"] == 0
    assert seen["lang"] == "en"
    assert seen["title"].startswith(results.PAGES[name]().job.strip()[:20])


@needs_chromium
def test_light_and_dark_differ_and_print_is_light(page, written):
    uri = (written / "done.html").as_uri()
    grounds = []
    for scheme, media in [("light", "screen"), ("dark", "screen"), ("dark", "print")]:
        page.open(uri, scheme=scheme, media=media)
        grounds.append(json.loads(page.evaluate(FACTS))["ground"])
    light, dark, printed = grounds
    assert light != dark
    assert printed == "rgb(255, 255, 255)"


@needs_chromium
def test_bars_are_as_high_as_their_shares(page, written):
    page.open((written / "first.html").as_uri())
    heights = page.evaluate(
        "[...document.querySelector('.plot').querySelectorAll('rect.run')]"
        ".map(r => r.getBoundingClientRect().height)"
    )
    shares = results.first().dates[0].distributions[0].shares
    assert [height / heights[0] for height in heights] == pytest.approx(
        [share / shares[0] for share in shares], rel=0.01
    )


@needs_chromium
def test_what_is_folded_is_printed(page, written):
    page.open((written / "done.html").as_uri(), media="print")
    shown = "document.querySelector('details.fold pre').getBoundingClientRect().height > 100"
    assert page.evaluate(shown)


@needs_chromium
def test_the_browser_would_see_what_is_wrong(page, tmp_path):
    """The probes of the other tests are not blind."""
    wrong = tmp_path / "wrong.html"
    wrong.write_text(
        "<html><body style='background:#fff'><h1>a</h1><h3>b</h3><p style='width:900px;color:#999'>faint</p>"
        "<svg width='0' height='0'></svg><script>console.error('oh')</script>"
        "<img src='http://localhost:1/none.png'></body></html>"
    )
    page.open(wrong.as_uri(), width=390)
    seen = json.loads(page.evaluate(FACTS))
    assert seen["over"] > 0
    assert len(seen["faint"]) == 1
    assert (seen["flat"], seen["unnamed"]) == (1, 1)
    assert len(page.complaints) >= 2


@needs_chromium
def test_the_pictures_can_be_drawn_anew(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(screenshots, "FOLDER", tmp_path)
    screenshots.main()
    for name, width, _, height in screenshots.PICTURES:
        picture = (tmp_path / f"{name}.png").read_bytes()
        assert len(picture) < 150_000
        assert Image.open(io.BytesIO(picture)).size == (width, height)


def text(html):
    """What a reader sees, without the markup, and with single spaces."""
    body = re.sub(r"<style>.*?</style>|<title.*?</title>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", body)


def test_the_page_says_what_the_record_says():
    page = text(render(results.run()))
    for said in (
        "Done, 3 checks not passed",
        "flight_delays, version 7",
        "9c1b5e7a02d4",
        "20260314T021500-7f3a",
        "s3://warehouse/flights/scores",
        "2026-03-14 02:15:00 UTC",
        "331,526",
        "7 of 10",
        "PSI 0.337, large change",
        "onnxruntime 1.32.0",
        "ArrowEvalPython",
    ):
        assert said in page, said


def test_markup_in_names_is_escaped():
    page = render(results.hostile())
    assert "<script" not in page
    assert "<b>bold" not in page
    assert "&lt;script&gt;" in page


def test_failed_checks_come_first_the_worst_of_them_before_the_others():
    def check(name, action, *, passed):
        return Check(name=name, value=1, bound="0", passed=passed, action=action)

    made = [
        check("calm", "fail", passed=True),
        check("warns", "warn", passed=False),
        check("ends", "fail", passed=False),
        check("parts", "quarantine", passed=False),
    ]
    page = render(results.run(dates=(results.date("2026-03-13", checks=tuple(made)),)))
    found = re.findall(r'data-label="Check"><span[^>]*>(\w+)<', page)
    assert found == ["ends", "parts", "warns", "calm"]


def test_a_failed_run_says_why_and_what_to_do():
    page = text(render(results.failed()))
    assert "Failed" in page
    assert "1,204 rows, and at least 50,000 are expected" in page
    assert "look whether the table of the day is whole" in page
    assert "exit code 3" in page


def test_what_is_not_there_is_said_to_be_absent():
    assert "There is no baseline yet" in text(render(results.first()))
    assert "No check was made" in text(render(results.first()))
    assert "none was read" in text(render(results.none()))
    assert "have no rows" in text(render(results.empty()))
    assert "came to no date" in text(render(results.run(dates=())))


def test_a_run_in_which_nothing_changed_says_so():
    day = results.date("2026-03-13", status="unchanged", checks=(), distributions=(), stages=())
    page = text(render(results.run(dates=(day,))))
    assert "Done, nothing had changed" in page
    assert "Rows a second –" in page


def test_many_columns_are_folded_behind_those_that_moved_most():
    shown = results.distributions()
    many = [
        shown[0].model_copy(update={"column": f"c{i}", "psi": i / 100}) for i in range(OPEN + 3)
    ]
    page = render(results.run(dates=(results.date("2026-03-13", distributions=tuple(many)),)))
    found = re.findall(r"<h4><span[^>]*>(\w+)<", page)
    assert found == [f"c{i}" for i in reversed(range(OPEN + 3))]
    assert "3 more columns that moved less" in text(page)


def test_runs_before_are_shown_the_latest_first_and_not_all():
    page = text(render(results.run(), previous=results.nights() * 3))
    assert page.count("02:15:00 UTC (this run)") == 1
    assert "-0.4 % from the run before" in page
    rows = re.findall(r"2026-03-(\d\d) 02:15:00 UTC (?=\S+ *(?:done|failed)|done|failed)", page)
    assert len(rows) <= RUNS
    assert rows[:2] == ["13", "12"]


@pytest.mark.parametrize(
    ("psi", "said"),
    [
        (None, "not compared"),
        (0.0999, "little has moved"),
        (0.1, "moderate change"),
        (0.25, "large change"),
    ],
)
def test_a_psi_is_put_in_words_at_the_customary_bounds(psi, said):
    assert words.moved(psi)[1] == said


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        write(results.none(), tmp_path / "none" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write(results.none(), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_page_is_part_of_the_package():
    from importlib.resources import files

    page = files("sparkbird.job") / "page"
    assert {"report.html", "report.css", "parts.html"} <= {path.name for path in page.iterdir()}
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'packages = ["sparkbird"]' in project  # hatchling takes every file in it


def test_reading_records_needs_neither_jinja2_nor_spark():
    code = "import sparkbird.job.report, sparkbird.job.baseline, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"jinja2", "pyspark", "numpy", "fsspec"}.isdisjoint(done.stdout.split())


def test_many_passed_checks_are_folded_and_few_are_not():
    assert re.search(
        r'<details class="fold more">\s*<summary>7 checks passed', render(results.run())
    )
    assert re.search(
        r'<details class="fold more" open>\s*<summary>3 checks passed', render(results.failed())
    )
