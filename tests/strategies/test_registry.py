"""Names to strategies and models, a third party's included."""

import os
import subprocess
import sys
import textwrap

import pytest

from strategies import registry
from strategies.errors import ModelError, NotFetched, StrategyError, UnknownName
from strategies.registry import create_strategy, load_model, strategy_names


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """No fetched model, no hosted one, no hub cache, no leave to download."""
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in ("TUNEWORTH_MODELS", "TUNEWORTH_ALLOW_DOWNLOAD"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Installs a package "acme" with the given entry points and code."""

    def install(entry_points: str, code: str) -> None:
        site = tmp_path / "site"
        info = site / "acme-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        module = f"acme_{tmp_path.name}".replace("-", "_")
        (info / "entry_points.txt").write_text(entry_points.replace("MODULE", module))
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(site)

    return install


OURS = {"baseline.majority", "prompt.zero-shot", "rag.bm25", "lora", "lora+rag"}


def test_the_projects_own_names_are_registered():
    assert set(strategy_names()) >= OURS
    assert set(registry.retriever_names()) >= {"bm25", "dense", "hybrid"}
    assert "smollm2-135m-q4" in registry.model_names()


def test_what_is_installed_meanwhile_is_found(tmp_path, monkeypatch):
    """Into a folder that Python imports from already, while the process runs."""
    monkeypatch.syspath_prepend(tmp_path)
    before = strategy_names()
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    assert strategy_names() == before, "while it is only half there"
    (info / "entry_points.txt").write_text("[tuneworth.strategies]\nacme = acme:Acme\n")
    assert strategy_names() == sorted([*before, "acme"])
    os.utime(tmp_path, ns=(1, 1))  # as after a second, on whatever file system
    assert strategy_names() == sorted([*before, "acme"])


def test_a_strategy_is_made_by_name():
    strategy = create_strategy("prompt.zero-shot")
    assert (strategy.name, strategy.family) == ("prompt.zero-shot", "prompting")


def test_an_unknown_strategy_suggests_the_nearest_first():
    with pytest.raises(UnknownName, match=r"Choose one of: prompt\.zero-shot, ") as caught:
        create_strategy("promt.zeroshot")
    assert set(caught.value.known) == set(strategy_names())


def test_an_unknown_retriever_and_model_are_told():
    with pytest.raises(UnknownName, match=r"retriever: 'bm26' is unknown\. Choose one of: bm25"):
        registry.load_retriever("bm26")
    with pytest.raises(UnknownName, match=r"model: 'smollm2' is unknown.*smollm2-135m-q4"):
        load_model("smollm2")


def test_a_catalogue_model_not_fetched_names_the_command():
    with pytest.raises(NotFetched, match="tuneworth models pull smollm2-135m-q4"):
        load_model("smollm2-135m-q4")


def test_a_hosted_model_is_loaded_by_its_configured_name(tmp_path, monkeypatch):
    path = tmp_path / "models.yaml"
    path.write_text("team-gpt: {base_url: 'http://127.0.0.1:9/v1', model: m}")
    monkeypatch.setenv("TUNEWORTH_MODELS", str(path))
    assert load_model("team-gpt").hosted
    assert "team-gpt" in registry.model_names()


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_model(str(tmp_path))
    with pytest.raises(ModelError, match="there is no folder"):
        load_model(str(tmp_path / "gone"))


def test_a_hub_id_is_not_downloaded_without_leave():
    with pytest.raises(ModelError, match="TUNEWORTH_ALLOW_DOWNLOAD=1"):
        load_model("some-owner/some-model-that-nobody-has")


@pytest.mark.parametrize("name", ["a b/c d", "a/b/c", "a/"])
def test_what_cannot_be_a_hub_id_is_unknown(name):
    with pytest.raises(UnknownName):
        load_model(name)


def test_a_third_partys_strategy_and_model_join_in(plug_in):
    plug_in(
        """
        [tuneworth.strategies]
        acme.echo = MODULE:Echo
        [tuneworth.models]
        acme-model = MODULE:model
        """.replace("        ", ""),
        '''
        from strategies.models.scripted import ScriptedModel

        class Echo:
            """Says the input back.

            More about it.
            """
            name, family, needs_model = "acme.echo", "baseline", False
            def misfit(self, task, *, has_documents, model):
                return None if task.kind == "generation" else "echo generates"
            def prepare(self, *args, **kwargs): ...
            def load(self, folder, task, model): ...

        def model():
            return ScriptedModel({}, name="acme-model")
        ''',
    )
    assert "acme.echo" in strategy_names()
    assert create_strategy("acme.echo").name == "acme.echo"
    assert load_model("acme-model").info.name == "acme-model"
    row = registry.describe_strategy("acme.echo")
    assert (row.family, row.summary, row.kinds) == (
        "baseline",
        "Says the input back.",
        ("generation",),
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named"),
        ("Other = 1", "AttributeError"),
        ("def Broken(): raise KeyError('token')", "KeyError: 'token'"),
        ("class Broken: name = 'x'", "has no family, needs_model, misfit, prepare, load"),
    ],
)
def test_a_broken_plug_in_is_named_with_its_package(plug_in, code, said):
    plug_in("[tuneworth.strategies]\nacme.broken = MODULE:Broken\n", code)
    with pytest.raises(StrategyError) as caught:
        create_strategy("acme.broken")
    assert "acme.broken" in str(caught.value)
    assert "package acme" in str(caught.value)
    assert said in str(caught.value)
    assert create_strategy("prompt.zero-shot")  # the others are unharmed
    rows = {row.name: row for row in registry.describe_strategies()}
    assert rows.keys() == {each.name for each in registry.every_strategy()} == set(strategy_names())
    assert [row.name for row in rows.values() if row.error] == ["acme.broken"]
    assert rows["acme.broken"].error == str(caught.value)


def test_a_model_that_memory_does_not_hold_is_no_fault_of_its_package(plug_in):
    plug_in(
        "[tuneworth.models]\nacme-large = MODULE:large\n",
        "def large(): raise RuntimeError('CUDA error: out of memory')",
    )
    with pytest.raises(StrategyError, match="Free memory, or name a smaller model") as caught:
        load_model("acme-large")
    assert "uninstall" not in str(caught.value)


def test_one_that_cannot_say_what_it_serves_is_listed_with_the_reason(plug_in):
    plug_in(
        "[tuneworth.strategies]\nacme.odd = MODULE:Odd\n",
        """
        class Odd:
            name, family, needs_model = "acme.odd", "baseline", False
            prepare = load = None
            def misfit(self, task, *, has_documents, model):
                raise LookupError("no licence")
        """,
    )
    [row] = [row for row in registry.describe_strategies() if row.name == "acme.odd"]
    assert "of the package acme cannot be used: LookupError: no licence." in row.error


def test_nothing_heavy_is_imported_to_list_names():
    code = (
        "import sys, strategies.registry as r; r.strategy_names(); r.model_names();"
        "print([m for m in ('torch', 'transformers', 'openai') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
