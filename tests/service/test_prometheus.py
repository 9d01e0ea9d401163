"""What Prometheus is told."""

from prometheus_client.parser import text_string_to_metric_families
from serving import client_of, finished, start, submit, worker_on


def samples(client) -> dict[str, float]:
    """Every sample as `name{label="value",...}`."""
    reply = client.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(reply.text):
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def test_work_is_told_by_state_and_by_what_it_took(tmp_path) -> None:
    with client_of(tmp_path) as client:
        good, broken = submit(client, "1 steps"), submit(client, "broken")
        addresses = [start(client, task) for task in (good, broken, good)]
        before = samples(client)
        assert before['tuneworth_queue_depth{queue="cpu"}'] == 3
        assert before['tuneworth_queue_depth{queue="gpu"}'] == 0
        assert before['tuneworth_workers{queue="cpu"}'] == 0
        assert before['tuneworth_work{kind="comparison",state="queued"}'] == 3
        assert before['tuneworth_work{kind="forecast",state="running"}'] == 0
        assert before["tuneworth_worker_beat_age_seconds"] == float("inf")
        assert before["tuneworth_samples_answered_total"] == 0
        with worker_on(tmp_path):
            for address in addresses:
                finished(client, address)
        after = samples(client)
    assert after['tuneworth_queue_depth{queue="cpu"}'] == 0
    assert after['tuneworth_workers{queue="cpu"}'] == 1
    assert after["tuneworth_retries_total"] == 0
    assert after['tuneworth_work{kind="comparison",state="completed"}'] == 2
    assert after['tuneworth_work{kind="comparison",state="failed"}'] == 1
    assert after["tuneworth_worker_beat_age_seconds"] < 60
    assert after["tuneworth_samples_answered_total"] == 4  # two in each scripted comparison
    assert after['tuneworth_tokens_total{kind="prompt"}'] == 60
    assert after['tuneworth_tokens_total{kind="completion"}'] == 8
    assert after['tuneworth_errors_total{kind="sample"}'] == 2
    assert after['tuneworth_errors_total{kind="unexpected"}'] == 1
    assert after["tuneworth_spent_usd_total"] == 0
    assert after["tuneworth_database_up"] == 1
    assert after["tuneworth_data_free_bytes"] > 0


def test_requests_are_told_by_operation_and_status(tmp_path) -> None:
    with client_of(tmp_path) as client:
        task = submit(client)
        for _ in range(3):
            client.get(task)
        client.get("/api/v1/tasks/0123456789abcdef012345")
        client.get("/nothing/here")
        client.request("MADEUP", "/nothing/here")
        found = samples(client)
    count = "tuneworth_http_request_seconds_count"
    route = 'route="/api/v1/tasks/{task_id}"'
    assert found[f'{count}{{method="GET",{route},status="200"}}'] == 3
    assert found[f'{count}{{method="GET",{route},status="404"}}'] == 1
    assert found[f'{count}{{method="GET",route="unknown",status="404"}}'] == 1
    assert found[f'{count}{{method="other",route="unknown",status="404"}}'] == 1
    assert found[f'{count}{{method="POST",route="/api/v1/tasks",status="201"}}'] == 1


def test_a_database_that_refuses_is_told(tmp_path) -> None:
    with client_of(tmp_path) as client:
        engine = client.app.state.services.store.engine
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE forecasts RENAME TO elsewhere")
        found = samples(client)
        assert found["tuneworth_database_up"] == 0
        assert not any(name.startswith("tuneworth_queue_depth") for name in found)
