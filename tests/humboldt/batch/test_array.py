import pytest

from humboldt.batch import BatchError, expand, task_recipes


def test_every_combination_is_a_task():
    found = expand("method=[full,lora],seed=[0,1,2]")
    assert len(found) == 6
    assert found[1] == {"method": "full", "seed": 1}
    assert found[3] == {"method": "lora", "seed": 0}
    assert expand("") == [{}]
    assert expand("core_rate=[1e-3, 0.1], method.rank=[2,4]")[3] == {"core_rate": 0.1, "method.rank": 4} | {
        "core_rate": expand("core_rate=[0.1]")[0]["core_rate"]
    }


@pytest.mark.parametrize("text", ["seed=0", "seed=[0", "seed=[0] method=[a]", "[0,1]", "seed=[[0]]"])
def test_another_form_is_refused(text):
    with pytest.raises(BatchError, match=r"written key=\[value,value\],key=\[...\], got .*--array 'method="):
        expand(text)


@pytest.mark.parametrize("text", ["seed=[]", "seed=[0],seed=[1]"])
def test_an_empty_or_repeated_axis_is_refused(text):
    with pytest.raises(BatchError, match=r"has values and is named once, got 'seed="):
        expand(text)


def test_a_task_has_a_whole_recipe_and_a_folder():
    recipe = {"model": "m", "data": "d", "steps": 5, "method": {"name": "lora", "rank": 8}, "output": "elsewhere"}
    tasks = task_recipes(recipe, [{"seed": 1, "method.rank": 2}, {"method": "full"}], "sweep/runs")
    assert tasks[0] == recipe | {"seed": 1, "method": {"name": "lora", "rank": 2}, "output": "sweep/runs/0"}
    assert tasks[1] == recipe | {"method": "full", "output": "sweep/runs/1"}
    assert recipe["method"]["rank"] == 8
    assert task_recipes({"method": "lora"}, [{"method.rank": 2}], "r")[0]["method"] == {"name": "lora", "rank": 2}
