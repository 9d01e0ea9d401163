"""Keys of hosted models in files: read where nobody else can, and told in no message."""

import os

import pytest

from strategies.errors import ModelError
from strategies.models.hosted import load_hosted
from strategies.models.key_file import LONGEST, read_key, why_not

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads the model whose entry has these fields besides."""

    def loaded(fields):
        models = tmp_path / "models.yaml"
        models.write_text(f"a: {{base_url: 'https://x.test/v1', model: m, {fields}}}")
        monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
        return load_hosted("a")

    return loaded


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_closed_to_others_gives_its_key(path, mode) -> None:
    path.chmod(mode)
    assert read_key(path) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o644, 0o444])
def test_a_file_open_to_others_is_refused(path, mode) -> None:
    path.chmod(mode)
    with pytest.raises(ModelError, match=rf"mode {mode:04o}\)\. Close it: chmod 0400 .*/key$"):
        read_key(path)


def test_what_a_link_leads_to_must_be_closed(path, tmp_path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_key(link) == KEY
    path.chmod(0o644)
    with pytest.raises(ModelError, match="is open to others"):
        read_key(link)


def test_a_file_of_another_user_is_refused(path) -> None:
    found = [*path.stat()]
    assert why_not(os.stat_result(found), path) is None
    found[4] = os.geteuid() + 1  # its owner
    assert str(why_not(os.stat_result(found), path)).startswith("belongs to another user")


def test_what_is_no_file_is_refused_at_once(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)  # nobody writes: to wait for a writer would never end
    for name, said in (("pipe", "is not a file"), (".", "is not a file"), ("none", "No such")):
        with pytest.raises(ModelError, match=said):
            read_key(tmp_path / name)


@pytest.mark.parametrize(
    "held", [b"", b" \n", f"{KEY} {KEY}".encode(), f"{KEY}\n#new".encode(), b"k\xc3\xa9y", b"k\0y"]
)
def test_what_is_no_key_is_refused_unsaid(path, held) -> None:
    path.write_bytes(held)
    with pytest.raises(ModelError, match=r"holds no key\. Put the key into it") as caught:
        read_key(path)
    assert KEY not in str(caught.value)


def test_a_whole_disk_is_not_read_for_a_key(path) -> None:
    path.write_bytes(b"k" * LONGEST)
    assert len(read_key(path)) == LONGEST
    path.write_bytes(b"k" * (LONGEST + 1))
    with pytest.raises(ModelError, match="holds no key"):
        read_key(path)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_model_has_the_key_of_its_file(load, path, absolute) -> None:
    model = load(f"api_key_file: {path if absolute else path.name}")
    assert model._client.without_key(f"it is {KEY}.") == "it is [key]."
    assert KEY not in repr(model) + repr(vars(model))


def test_a_refused_file_names_the_model_and_the_field(load, path) -> None:
    path.chmod(0o644)
    with pytest.raises(ModelError, match=r"^a: api_key_file: .*/key: is open to others") as caught:
        load("api_key_file: key")
    assert KEY not in str(caught.value)


def test_a_key_has_one_place(load, path, monkeypatch) -> None:
    monkeypatch.setenv("TEAM_KEY", KEY)
    with pytest.raises(ModelError, match="names a key twice: keep api_key_env or api_key_file"):
        load("api_key_file: key, api_key_env: TEAM_KEY")
    with pytest.raises(ModelError, match=r"a\.api_key_file"):
        load("api_key_file: ''")
