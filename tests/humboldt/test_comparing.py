import json
from pathlib import Path

import pytest

from humboldt.comparing import compare, jobs
from humboldt.comparison_page import says, text
from humboldt.comparison_run import RANDOM, Job, Question
from humboldt.comparison_table import spread, summary, table
from humboldt.data_catalog import example
from humboldt.foundations import ConfigError
from humboldt.plots import comparison
from humboldt.results import read_results
from tests.finetune.tiny import tiny_model

DOCS = Path(__file__).resolve().parents[2] / "docs" / "experiments"


def record(method, samples, seed, error, trained, **more):
    return {
        "method": method, "samples": samples, "seed": seed, "error": error, "trained": trained, "cpu": 1.0,
        "merged": True, "model": "m", "strength": 1.0, "data": {"source": "d.nc"},
        "recipe": {"steps": 3, "batch_size": 2}, **more,
    }  # fmt: skip


RECORDS = [
    record(RANDOM, 4, 0, 0.9, 1000),
    record("full", 4, 0, 0.30, 1000, seconds=2.0, memory=12.0, inference=1.02),
    record("full", 4, 1, 0.34, 1000, seconds=4.0, memory=12.0, inference=1.02),
    record("nlt", 4, 0, 0.33, 10),
    record("head", 4, 0, 0.95, 1),
]


def test_seeds_come_one_after_the_other():
    found = list(jobs(["a", "b"], [4, 16], [0, 1]))
    assert found[:2] == [Job("a", 4, 0), Job("b", 4, 0)]
    assert [job.seed for job in found] == [0] * 4 + [1] * 4


def test_the_table_has_mean_and_range_best_first():
    assert [row["method"] for row in summary(RECORDS)] == ["full", "nlt", RANDOM, "head"]
    assert "| full | 1,000 | 0.320 [0.300, 0.340] | 1 | 3 | 12 | 1.02 | yes |" in table(RECORDS)
    assert spread([0.5]) == "0.500 (1 seed)"
    assert spread([]) == "-"


def test_the_page_says_who_wins_what_is_near_and_who_is_below_the_control():
    (line,) = says(RECORDS).splitlines()
    assert "`full` is best (0.320)" in line
    assert "`nlt` comes within a tenth of it (0.330) with 1% of its numbers" in line
    assert "The random control reaches 0.900; `head` did worse than it." in line


def test_the_page_has_a_section_for_every_model_and_data_set():
    other = [record("full", 4, 0, 0.5, 1000, model="n", data={"source": "deep/e f.nc"})]
    page = text([*RECORDS, *other])
    assert "## m on d.nc" in page
    assert "## n on e f.nc" in page
    assert "records/adaptation-n-e-f.png" in page
    assert "| nlt | 10 | 0.330 (1 seed) | 1 | - | - | - | yes |" in page


def test_the_page_says_how_data_were_opened_and_the_strengths_of_those_that_have_any():
    said = {"result": {"settings": {"opening": {"periodic": True}}}}
    found = [record("full", 4, 0, 0.5, 10, **said), record("nlt", 4, 0, 0.5, 10, **said, strength=4.0)]
    page = text(found)
    assert '`m` on `d.nc`, opened with `{"periodic": true}`; errors' in page
    assert "its default rates times 4." in page
    assert "opened with" not in text(RECORDS)


def test_the_page_names_what_was_run_with_other_code():
    def at(commit, *words, **more):
        return record(*words, result={"code_commit": commit}, **more)

    found = [at("a", "full", 4, seed, 0.5, 10) for seed in (0, 1)]
    assert "other code" not in text([*found, at("a+", "nlt", 4, 0, 0.5, 10)])
    assert "rest of their table: `nlt` of m." in text([*found, at("b", "nlt", 4, 0, 0.5, 10)])
    alone = at("b", "nlt", 4, 0, 0.5, 10, model="n")
    assert "other code" not in text([*found, alone])  # a table of its own


def test_the_plot_has_a_point_for_every_method():
    figure = comparison(RECORDS)
    axis, (legend,) = figure.axes[0], figure.legends
    assert {label.get_text() for label in legend.texts} == {"full", "nlt", "head", RANDOM}
    points = [line for line in axis.lines if line.get_marker() in "osD^vx"]
    assert sorted(float(point.get_xdata()[0]) for point in points) == [1, 10, 1000, 1000]
    assert axis.get_xscale() == "log"


def test_the_page_of_the_docs_is_that_of_its_records():
    found = [json.loads(line) for line in (DOCS / "records" / "adaptation.jsonl").read_text().splitlines()]
    assert (DOCS / "which_method.md").read_text() == text(found)


@pytest.mark.integration
def test_a_comparison_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    from humboldt import comparing

    ran = []

    def run(question, job):
        ran.append(job.name)
        result = {"protocol": "p", "model": "m", "method": job.method, "data": "d", "metric": "e", "value": 0.5}
        return record(job.method, job.samples, job.seed, 0.5, 10, result=result)

    monkeypatch.setattr(comparing, "run", run)
    monkeypatch.setattr(Question, "begun", lambda question: tiny_model())
    choices = {"methods": ["full", "nlt"], "samples": [4], "seeds": [0], "output": tmp_path}
    comparing.compare("m", "d", **choices)
    assert [r.method for r in read_results(tmp_path / "results.jsonl")] == ["full", "nlt", RANDOM]
    (tmp_path / "records" / "nlt-4-0.json").unlink()
    ran.clear()
    assert len(comparing.compare("m", "d", **choices)) == 3
    assert ran == ["nlt-4-0"]
    comparing.compare("m", "d", **{**choices, "seeds": [1]})
    assert len(ran) == 4
    for other in ({"steps": 3}, {"task": "regression"}):
        with pytest.raises(ConfigError, match=r"a folder holds one comparison, .* holds another: .*; name another"):
            comparing.compare("m", "d", **choices, **other)
    with pytest.raises(ConfigError, match="holds another: data was 'd', now 'e'"):
        comparing.compare("m", "e", **choices)


def test_data_without_a_validation_part_are_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match=r"this split has no validation part .*; give its size"):
        compare("humboldt/pde-nano", example("burgers2d"), methods=["head"], output=tmp_path)
    assert not list((tmp_path / "records").iterdir())
