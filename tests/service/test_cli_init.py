"""`tuneworth init` as a user types it: what it says, asks, refuses and leaves on disk."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from corpora.reading import read_dataset
from service import cli_init
from service.cli import cli

INSTRUCTION = "Say which department should answer the customer's message."
TOPICS = ("billing", "delivery", "returns")


def tuneworth(*arguments: object, answers: str | None = None) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments], input=answers)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def tickets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CSV with two columns that could be the output, in the current folder."""
    monkeypatch.chdir(tmp_path)
    lines = [
        f"Parcel {n * 7919} has not come and I want to know why.;{TOPICS[n % 3]};agent{n % 4}"
        for n in range(60)
    ]
    Path("Tickets 2024.csv").write_text("Wording;Department;Agent\n" + "\n".join(lines))
    return Path("Tickets 2024.csv")


def test_it_says_what_check_says_and_what_to_run_next(tickets: Path) -> None:
    said = tuneworth("init", tickets, "--instruction", INSTRUCTION)
    assert said.exit_code == 0, said.stderr
    lines = said.stdout.splitlines()
    assert lines[0] == (
        "CSV: 60 rows; input = Wording, output = Department; classification, 3 labels"
    )
    assert lines[1] == "not used: Agent"
    assert lines[-1] == ("Tickets-2024 is written. Next: tuneworth compare Tickets-2024 --dry-run")
    assert tuneworth("check", "Tickets-2024").stdout.strip() in said.stdout
    assert len(read_dataset("Tickets-2024").train) == 30


def test_without_a_terminal_the_missing_flags_are_named(tickets: Path) -> None:
    tickets.write_text(tickets.read_text().replace("Department", "Sort"))
    said = tuneworth("init", tickets)
    assert said.exit_code == 2
    assert flat(said.stderr) == (
        "Error: Tickets 2024.csv does not tell which column is the output "
        "and what is to be done with the input. (It tells: input = Wording.) "
        "fix Say it with --output (Sort | Agent) and --instruction TEXT."
    )
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["Tickets 2024.csv"]


def test_on_a_terminal_it_asks(tickets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets.write_text(tickets.read_text().replace("Department", "Sort"))
    monkeypatch.setattr(cli_init, "is_interactive", lambda: True)
    said = tuneworth("init", tickets, "--json", answers=f"Sort\n{INSTRUCTION}\n")
    assert said.exit_code == 0, said.stderr
    assert "Sort: 'billing'" in said.stderr
    assert json.loads(said.stdout)["columns"]["output"] == "Sort"
    assert read_dataset("Tickets-2024").task.instruction == INSTRUCTION


def test_json_for_machines(tickets: Path) -> None:
    said = tuneworth("init", tickets, "--instruction", INSTRUCTION, "--out", "made/here", "--json")
    told = json.loads(said.stdout)
    assert told["folder"] == "made/here"
    assert told["columns"] == {
        "input": ["Wording"],
        "output": "Department",
        "id": None,
        "split": None,
        "group": None,
    }
    assert (told["rows"], told["kind"], told["ok"]) == (60, "classification", True)
    assert told["next"] == "tuneworth compare made/here --dry-run"
    assert told["understood"][1] == "not used: Agent"
    assert told["task"]["n_test"] == 24
    assert "small-test" in [check["check"] for check in told["checks"]]


def test_flags_go_before_guesses(tickets: Path) -> None:
    flags = ("--input", "Wording,Department", "--output", "Agent", "--kind", "generation")
    said = tuneworth("init", tickets, *flags, "--name", "who", "--instruction", INSTRUCTION)
    assert said.exit_code == 0, said.stderr
    task = read_dataset("who").task
    assert (task.name, task.kind) == ("who", "generation")
    first = Path("who/examples.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["input"] == (
        "Wording: Parcel 0 has not come and I want to know why.\nDepartment: billing"
    )


def test_a_misspelt_column_gets_the_near_one(tickets: Path) -> None:
    said = tuneworth("init", tickets, "--output", "Departmnt", "--instruction", INSTRUCTION)
    assert said.exit_code == 2
    assert "did you mean 'Department'" in flat(said.stderr)


def test_an_error_of_the_data_ends_with_2_as_check_does(tickets: Path) -> None:
    said = tuneworth("init", tickets, "--instruction", "Sort it")
    assert said.exit_code == 2
    assert "does not say what to do" in flat(said.stdout)
    assert flat(said.stdout).endswith(
        "Mend the error in Tickets-2024/task.yaml or the rows, then: tuneworth check Tickets-2024"
    )


def test_a_folder_with_something_in_it_is_refused_unless_forced(tickets: Path) -> None:
    assert tuneworth("init", tickets, "--instruction", INSTRUCTION).exit_code == 0
    again = ("init", tickets, "--instruction", "Name the department for the message.")
    said = tuneworth(*again)
    assert said.exit_code == 2
    assert "--force" in said.stderr
    assert read_dataset("Tickets-2024").task.instruction == INSTRUCTION
    assert tuneworth(*again, "--force").exit_code == 0
    assert read_dataset("Tickets-2024").task.instruction == again[-1]


def test_a_broken_line_is_named_and_nothing_is_written(tickets: Path) -> None:
    rows = ['{"question": "Where is it?", "answer": "here"}'] * 16 + ['{"question": "x", }']
    Path("rows.jsonl").write_text("\n".join(rows))
    said = tuneworth("init", "rows.jsonl", "--instruction", INSTRUCTION)
    assert said.exit_code == 2
    assert "rows.jsonl line 17 is wrong" in said.stderr
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["Tickets 2024.csv", "rows.jsonl"]


def test_a_configuration_is_named_after_its_folder_and_written_beside_it(tickets: Path) -> None:
    Path("spam").mkdir()
    test = "  - {vars: {sms: text %d}, assert: [{type: equals, value: %s}]}\n"
    text = "prompts: ['Say whether the SMS is spam: {{sms}}']\ntests:\n"
    text += "".join(test % (n, ("spam", "ham")[n % 2]) for n in range(20))
    Path("spam/promptfooconfig.yaml").write_text(text)
    said = tuneworth("init", "spam/promptfooconfig.yaml")
    assert said.exit_code == 0, said.stderr
    assert read_dataset("spam-task").task.name == "spam"
