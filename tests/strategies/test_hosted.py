"""A hosted model against a small real endpoint on loopback."""

import threading
import time

import pytest
from echoing import KEY, Endpoint

from strategies.errors import ModelError, UnknownName
from strategies.models.account import Unlimited, accounting
from strategies.models.base import Generation, Message, Model, Prompt, Usage
from strategies.models.chat_client import ChatClient
from strategies.models.hosted import HostedModel, hosted_models, load_hosted
from strategies.models.pace import Pace


@pytest.fixture
def endpoint():
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def model(endpoint) -> HostedModel:
    return hosted(endpoint.url)


def hosted(url, **settings) -> HostedModel:
    quick = {"pace": Pace(3), "attempts": 3, "first_wait_s": 0.01, **settings}
    return HostedModel(
        "team-gpt", client=ChatClient(base_url=url, model="m-1", api_key=KEY, **quick)
    )


def asking(text: str) -> Prompt:
    return Prompt((Message("system", "Be brief."), Message("user", text)))


def test_it_keeps_the_contract_of_a_model(model):
    assert isinstance(model, Model)
    assert (model.trainable, model.hosted, model.info.parameters) == (False, True, 0)


def test_replies_come_in_order_with_what_is_billed(model, endpoint):
    texts = [f"text {number}" for number in range(20)]
    given = model.generate([asking(text) for text in texts], max_new_tokens=33)
    usage = Usage(prompt=100, cached=64, completion=5)
    assert given == [Generation(f"you said {text}", usage) for text in texts]
    assert endpoint.keys == {f"Bearer {KEY}"}
    body = endpoint.bodies[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m-1", 0, 33)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_requests_run_side_by_side(model):
    given = model.generate([asking("together")] * 3, max_new_tokens=8)
    assert [one.error for one in given] == [None, None, None]


def test_a_single_request_takes_no_thread_of_its_own(model):
    threads = []

    class Noting(Unlimited):
        def reserve(self, ask):
            threads.append(threading.current_thread())
            return super().reserve(ask)

    with accounting(Noting()):
        model.generate([asking("one")], max_new_tokens=8)
        model.generate([asking("one"), asking("two")], max_new_tokens=8)
    assert threads[0] is threading.current_thread()
    assert not {*threads[1:]} & {threads[0]}


def test_a_busy_endpoint_is_asked_again_when_it_says(model, endpoint):
    began = time.monotonic()
    [one] = model.generate([asking("busy")], max_new_tokens=8)
    assert (one.text, one.error) == ("you said busy", None)
    assert endpoint.asked["busy"] == 2
    assert time.monotonic() - began >= 1.0


def test_the_longest_wait_is_capped(endpoint):
    began = time.monotonic()
    model = hosted(endpoint.url, longest_wait_s=0.3)
    [one] = model.generate([asking("very busy")], max_new_tokens=8)
    assert one.text == "you said very busy"
    assert 0.3 <= time.monotonic() - began < 20


def test_each_wait_is_twice_the_one_before(endpoint):
    began = time.monotonic()
    hosted(endpoint.url, first_wait_s=0.2).generate([asking("broken")], max_new_tokens=8)
    assert 0.2 + 0.4 <= time.monotonic() - began < 20


def test_one_layer_of_retries_then_an_error_of_that_request_alone(model, endpoint):
    broken, good = model.generate([asking("broken"), asking("good")], max_new_tokens=8)
    assert broken.text == ""
    assert "failed for [key]" in broken.error
    assert "(3 attempts)" in broken.error
    assert KEY not in broken.error
    assert good.text == "you said good"
    assert endpoint.asked["broken"] == 3


@pytest.mark.parametrize("text", ["forbidden", "unpaid"])
def test_what_waiting_cannot_mend_is_not_retried(model, endpoint, text):
    [one] = model.generate([asking(text)], max_new_tokens=8)
    assert one.error
    assert KEY not in one.error
    assert endpoint.asked[text] == 1


@pytest.mark.parametrize("text", ["malformed", "empty"])
def test_a_reply_that_is_no_completion_is_an_error(model, text):
    [one] = model.generate([asking(text)], max_new_tokens=8)
    assert "something else than a chat completion" in one.error


def test_a_withheld_text_is_an_error_that_was_billed(model):
    [one] = model.generate([asking("filtered")], max_new_tokens=8)
    assert one.error == "the endpoint gave no text: content_filter"
    assert one.usage.prompt == 100


def test_usage_is_estimated_where_none_is_reported(model):
    [one] = model.generate([asking("uncounted")], max_new_tokens=8)
    rendered = "system: Be brief.\nuser: uncounted\nassistant:"
    assert one.usage == Usage(prompt=-(-len(rendered) // 4), completion=2)


def test_an_endpoint_that_is_not_there_is_an_error():
    gone = hosted("http://127.0.0.1:9/v1", attempts=2)
    [one] = gone.generate([asking("x")], max_new_tokens=8)
    assert "127.0.0.1:9" in one.error
    assert "(2 attempts)" in one.error


def test_a_choice_is_the_label_that_the_reply_names(model):
    prompts = [asking("Billing!"), asking("no idea"), asking("broken")]
    named, strange, failed = model.choose(prompts, ["billing", "delivery"])
    assert named.probabilities == {"billing": 1.0, "delivery": 0.0}
    assert named.usage == Usage(100, 64, 5)
    assert (strange.best, strange.error) == ("you said no idea", None)
    assert failed.error


def test_the_key_is_in_no_text(model):
    assert KEY not in repr(model) + repr(vars(model)) + repr(model.info)


@pytest.fixture
def models_file(tmp_path, monkeypatch):
    path = tmp_path / "models.yaml"
    monkeypatch.setenv("TUNEWORTH_MODELS", str(path))
    return path


def test_a_model_is_configured_by_name(models_file, endpoint, monkeypatch):
    models_file.write_text(
        f"team-gpt: {{base_url: '{endpoint.url}', model: m-1, api_key_env: TEAM_KEY,"
        " context_length: 9000}\n"
        f"local: {{base_url: '{endpoint.url}', model: m-2}}\n"
    )
    monkeypatch.setenv("TEAM_KEY", KEY)
    assert hosted_models() == ["local", "team-gpt"]
    model = load_hosted("team-gpt")
    assert (model.info.name, model.context_length) == ("team-gpt", 9000)
    assert model.generate([asking("hi")], max_new_tokens=8)[0].text == "you said hi"
    assert endpoint.keys == {f"Bearer {KEY}"}
    assert load_hosted("local").info.fingerprint != model.info.fingerprint
    with pytest.raises(UnknownName, match="local, team-gpt"):
        load_hosted("other")


def test_a_missing_key_names_its_variable(models_file, monkeypatch):
    models_file.write_text("a: {base_url: 'https://x.test/v1', model: m, api_key_env: NO_KEY}")
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(ModelError, match="environment variable NO_KEY is empty"):
        load_hosted("a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {model: m}", "a.base_url: Field required"),
        ("a: {base_url: 'ftp://x', model: m}", "a.base_url"),
        (f"a: {{base_url: 'http://x', model: m, api_key: {KEY}}}", "a.api_key"),
        ("a: just text", "a: Input should be"),
        ("- a", "must map names to endpoints"),
        ("a: {", "cannot be read as YAML"),
        (
            f"a: {{base_url: 'http://me:{KEY}@x.test/v1', model: m}}",
            "a.base_url: Value error, holds",
        ),
        (
            f"a: {{base_url: 'http://x.test/v1?key={KEY}', model: m}}",
            "a.base_url: Value error, holds",
        ),
    ],
)
def test_a_wrong_file_names_the_field(models_file, text, said):
    models_file.write_text(text)
    with pytest.raises(ModelError) as caught:
        hosted_models()
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


def test_no_file_means_no_hosted_models_unless_one_was_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TUNEWORTH_MODELS", raising=False)
    assert hosted_models() == []
    monkeypatch.setenv("TUNEWORTH_MODELS", str(tmp_path / "gone.yaml"))
    with pytest.raises(ModelError, match=r"gone\.yaml is not a file"):
        hosted_models()
