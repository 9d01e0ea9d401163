"""Replaying findings, and the file they are kept in."""

import json

import pytest
from evidence_stands import Clock, SlowEmbedder, Stand, Unseen, everything
from tinystrategies import Tiny

from benchmarks.evidence.recorded import RecordedSource
from benchmarks.evidence.store import FindingStore, head_of, read_findings
from corpora.errors import InvalidInput
from strategies.baselines import Linear, Nearest
from strategies.embedding_reuse import CachedEmbedder
from strategies.few_shot import FewShot
from strategies.lora import Lora
from strategies.zero_shot import ZeroShot


def stand(**more):
    clock = Clock()
    embedder = CachedEmbedder(SlowEmbedder(clock))

    def breaks(text):
        raise RuntimeError("cannot say")

    return Stand(
        Nearest(embedder=embedder),
        Linear(embedder=embedder),
        Tiny(breaks, name="mute"),
        ZeroShot(),
        FewShot(),
        Lora(),
        clock=clock,
        **more,
    )


def taken(source, deed, strategy):
    (action,) = [one for one in source.actions() if (one.deed, one.strategy) == (deed, strategy)]
    return source.take(action)


@pytest.fixture
def live():
    return stand()


def test_in_the_recorded_order_a_replay_is_what_was_recorded(live):
    offered, findings = [], []
    while actions := live.source.actions():
        offered.append(actions)
        # neither cheap first nor one strategy after the other
        findings.append(live.source.take(actions[len(findings) * 5 % len(actions)]))
    replay = RecordedSource(findings, live.source.guesses)
    for actions, finding in zip(offered, findings, strict=True):
        assert replay.actions() == actions
        assert replay.take(finding.action) == finding
    assert replay.actions() == []


def test_without_guesses_actions_are_expected_to_take_what_was_expected_then(live):
    findings = everything(live)
    replay = RecordedSource(findings)
    for finding in findings:
        assert finding.action in replay.actions()
        assert replay.take(finding.action) == finding


def test_in_another_order_what_is_shared_is_booked_to_the_first_that_needs_it(live):
    findings = everything(live)
    replay = RecordedSource(findings, live.source.guesses)
    other = stand().source
    order = [("rows", "baseline.nearest"), ("likelihood", "prompt.zero-shot"), ("rows", "mute")]
    order += [("rows", "baseline.linear"), ("pilot", "lora"), ("rows", "prompt.zero-shot")]
    for deed, strategy in order:
        found, wanted = taken(replay, deed, strategy), taken(other, deed, strategy)
        assert found.seconds == pytest.approx(wanted.seconds)
        assert found.action.seconds == pytest.approx(wanted.action.seconds)
        assert found.figures == pytest.approx(wanted.figures)
        assert found.trouble == wanted.trouble
    assert [(one.deed, one.strategy) for one in replay.actions()] == [
        (one.deed, one.strategy) for one in other.actions()
    ]


def test_what_is_not_next_is_not_replayed(live):
    findings = everything(live)
    later = next(one for one in findings if one.action.rows == 16)
    with pytest.raises(ValueError, match="is not offered now"):
        RecordedSource(findings).take(later.action)


def head(live, seed=0, data=None):
    data = data or live.data
    return head_of(data, live.entries, seed, guesses=live.source.guesses, n_test=300)


def test_findings_are_kept_as_they_are_made_and_read_back_as_they_were(live, tmp_path):
    path = tmp_path / "task" / "findings.jsonl"
    store = FindingStore(path, head(live))
    made = []
    for _ in range(3):
        made.append(live.source.take(live.source.actions()[0]))
        store.add(made[-1])
        found, findings = read_findings(path)
        assert findings == made == store.findings
    assert found.task.n_test == 300
    assert found.guesses == live.source.guesses
    assert '"schema":"tuneworth.findings/1"' in path.read_text().splitlines()[0]
    assert RecordedSource(findings, found.guesses).take(made[0].action) == made[0]
    assert FindingStore(path, head(live)).findings == made


def test_what_was_read_of_rows_is_kept_and_older_files_without_it_are_read(live, tmp_path):
    found = taken(live.source, "likelihood", "prompt.zero-shot")
    store = FindingStore(tmp_path / "findings.jsonl", head(live))
    store.add(found)
    (kept,) = read_findings(store.path)[1]
    assert kept == found
    assert len(kept.readings["nats"]) == 8
    newer = ("readings", "cpu_seconds")
    first, last = (json.loads(line) for line in store.path.read_text().splitlines())
    older = {name: value for name, value in last.items() if name not in newer}
    store.path.write_text(f"{json.dumps(first)}\n{json.dumps(older)}\n")
    (kept,) = read_findings(store.path)[1]
    assert kept == found.model_copy(update={"readings": {}, "cpu_seconds": None})


def test_a_line_that_was_cut_short_is_dropped_and_the_rest_goes_on(live, tmp_path):
    path = tmp_path / "findings.jsonl"
    store = FindingStore(path, head(live))
    made = [live.source.take(live.source.actions()[0]) for _ in range(2)]
    store.add(made[0])
    whole = path.read_bytes()
    store.add(made[1])
    path.write_bytes(path.read_bytes()[:-20])
    assert read_findings(path)[1] == made[:1]
    again = FindingStore(path, head(live))
    assert again.findings == made[:1]
    assert path.read_bytes() == whole
    again.add(made[1])
    assert read_findings(path)[1] == made


def test_a_head_that_was_cut_short_is_begun_anew(live, tmp_path):
    path = tmp_path / "findings.jsonl"
    path.write_text('{"schema":"tunew')
    store = FindingStore(path, head(live))
    assert (store.findings, read_findings(path)) == ([], (store.head, []))


def test_findings_of_something_else_are_refused(live, tmp_path):
    path = tmp_path / "findings.jsonl"
    FindingStore(path, head(live))
    with pytest.raises(InvalidInput, match="begun with another seed"):
        FindingStore(path, head(live, seed=1))
    other = Unseen()
    row = other.train[0].model_copy(update={"output": "blue"})
    other.train = (row, *other.train[1:])
    with pytest.raises(InvalidInput, match="begun with another data"):
        FindingStore(path, head(live, data=other))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There are none"),
        ('{"record": "run"}\n', "does not begin as a file of findings"),
        ("HEAD\n{}\n", "Line 2 is no finding"),
    ],
)
def test_another_file_is_refused(live, tmp_path, content, message):
    path = tmp_path / "findings.jsonl"
    if content is not None:
        first = head(live).model_dump_json(by_alias=True)
        path.write_text(content.replace("HEAD", first))
    with pytest.raises(InvalidInput, match=message):
        read_findings(path)
