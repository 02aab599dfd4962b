import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from humboldt.cli import main
from humboldt.foundations import ConfigError, SampleScores
from humboldt.leaderboard import build_leaderboard
from humboldt.results import read_results, write_results
from tests.humboldt.leaderboard.made import NOW, PLAIN, clean

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

HARNESS = Path(__file__).with_name("harness.html")


class Links(HTMLParser):
    """Where a page leads, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("href", "src") and value]


@pytest.fixture
def board(tmp_path):
    other = replace(PLAIN, data="other.nc")
    build_leaderboard([*clean(), other], tmp_path / "board", title="Adaptation & more", now=NOW)
    return tmp_path / "board"


def test_every_record_has_a_page_with_all_that_is_known_and_no_link_is_dead(board):
    results = read_results(board / "leaderboard.jsonl")
    pages = sorted(board.glob("results/*.html"))
    assert len(pages) == len(results) == 10
    for result in results:
        text = (board / "results" / f"{result.key}.html").read_text()
        for value in (result.model_sha256, result.split_sha256, result.code_commit, result.date, "a processor"):
            assert value in text
    for page in [board / "index.html", *pages]:
        for link in Links(page.read_text()).found:
            assert (page.parent / link.partition("#")[0]).exists(), (page, link)


def test_a_page_compares_its_record_with_others_on_the_same_samples(tmp_path):
    scores = {"full": [1.0, 2.0, 3.0, 4.0], "lora": [1.5, 2.5, 3.5, 4.5], "<i>nlt": [0.0, 3.0, 4.0, 3.9]}
    rows = [
        replace(PLAIN, method=name, scores=SampleScores.of("relative L1", "abcd", {"lead step 1": values}))
        for name, values in scores.items()
    ]
    full, lora, nlt = rows
    build_leaderboard([*rows, replace(PLAIN, method="old")], tmp_path / "board", now=NOW)
    text = (tmp_path / "board" / "results" / f"{full.key}.html").read_text()
    assert "relative L1 [1] of 4 samples is kept in the record; lead step 1" in text
    table = text.partition('id="rivals"')[2].partition("</table>")[0]
    assert f'<a href="{lora.key}.html">lora</a>' in table
    assert "<td>-0.5</td><td>-0.5 to -0.5</td><td>100 %</td><td>4</td>" in table
    assert f'<a href="{nlt.key}.html">&lt;i&gt;nlt</a>' in table
    assert table.count("not told apart") == 1
    assert ">old<" not in table
    assert "SampleScores" not in text
    assert "rivals" not in (tmp_path / "board" / "results" / f"{replace(PLAIN, method='old').key}.html").read_text()
    assert read_results(tmp_path / "board" / "leaderboard.jsonl")[0] == full


def test_what_records_say_is_text_and_not_markup(board):
    text = (board / "index.html").read_text()
    assert "&lt;b&gt;full&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "<title>Adaptation &amp; more</title>" in text


def test_smells_are_shown_on_both_pages(board):
    assert "other.nc has no random control" in (board / "index.html").read_text()
    (key,) = re.findall(r"results/(\w+)\.html", (board / "index.html").read_text().partition('id="smells"')[2])
    assert "other.nc has no random control" in (board / "results" / f"{key}.html").read_text()


def test_a_board_is_replaced_and_nothing_else_is(board, tmp_path):
    build_leaderboard(clean(), board, now=NOW)
    assert len(list(board.glob("results/*.html"))) == 9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    with pytest.raises(ConfigError, match="holds something that is no leaderboard; name another --output"):
        build_leaderboard(clean(), tmp_path / "mine", now=NOW)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years"
    with pytest.raises(ConfigError, match="one record or more, got none"):
        build_leaderboard([], tmp_path / "none")


def test_the_command_says_what_smells(tmp_path, capsys):
    records = write_results(tmp_path / "r.jsonl", [PLAIN])
    words = ["leaderboard", str(records), "--output", str(tmp_path / "board")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "no control: relative L1 on burgers.nc has no random control" in said
    assert "1 results, " in said
    assert main([*words, "--strict"]) == 1


@pytest.mark.integration
@pytest.mark.skipif(BROWSER is None, reason="no chromium here; install one to see the pages work in it")
def test_a_real_browser_sorts_filters_and_shows_the_plots(board):
    shutil.copyfile(HARNESS, board / "harness.html")
    handler = functools.partial(_Quiet, directory=str(board))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/harness.html"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
        dom = subprocess.run([str(BROWSER), *options, url], capture_output=True, text=True, timeout=240).stdout
        server.shutdown()
    found = re.search(r'<pre id="said">(.+?)</pre>', dom)
    assert found is not None, dom[-2000:]
    said = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">"))
    values = [float(v) for v in said["first"]]
    assert [float(v) for v in said["up"]] == sorted(values) != values
    assert said["arrow"] == "ascending"
    assert [float(v) for v in said["down"]] == sorted(values, reverse=True)
    assert said["methods"] == sorted(said["methods"])
    assert said["words"] == ["0.26"]
    assert said["count"] == "1"
    assert said["data"] == ["other.nc"]
    assert said["clean"] == 9
    assert said["bold"] == 0
    assert len(said["widths"]) == 2
    assert all(width > 100 for width in said["widths"])


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass
