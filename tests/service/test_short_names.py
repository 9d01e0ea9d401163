"""Names for charts: short, and different for different strategies."""

import pytest

from service.short_names import short_names


@pytest.mark.parametrize(
    ("id_", "short"),
    [
        ("prompt.few-shot", "prompt.few-shot"),
        ("lora@team-gpt", "lora@team-gpt"),
        ("prompt.nearest@./models/tiny", "prompt.nearest@tiny"),
        ("lora@acme-labs/Llama-9-instruct", "lora@Llama-9-instruct"),
        ("prompt.nearest@./m/a-very-long-model-name", "prompt.nearest@a-ver…-name"),
        ("prompt.of-somebody-elses-plug-in@tiny", "prompt.of-som…plug-in@tiny"),
    ],
)
def test_folders_go_before_letters_do(id_, short) -> None:
    assert short_names([id_], 26) == {id_: short}


def test_two_that_become_alike_are_told_apart() -> None:
    ids = ["prompt.nearest@./one/model-of-the-year", "prompt.nearest@./two/model-of-the-year"]
    names = short_names(ids, 26)
    assert len(set(names.values())) == 2
    assert all(len(name) <= 26 for name in names.values())
    assert names[ids[1]].endswith("(2)")
