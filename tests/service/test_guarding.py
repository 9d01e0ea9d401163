"""Names of the server, pages of other sites, and what a browser may do with its cookie."""

import re

import pytest
from serving import API, client_of, key_for, spec

HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    """An application without keys, as on a developer's machine."""
    with client_of(tmp_path_factory.mktemp("data")) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://evil.example", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_another_site_sends_nothing(client, headers) -> None:
    for method, address in (
        ("POST", f"{API}/tasks"),
        ("DELETE", f"{API}/tasks/nope"),
        ("POST", f"{API}/tasks/nope/comparisons"),
        ("POST", "/login"),
    ):
        reply = client.request(method, address, headers=headers)
        assert reply.status_code == 403
        assert reply.json()["type"] == "urn:tuneworth:problem:cross-site"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": HERE}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
)
def test_pages_of_this_server_and_programs_do(client, headers) -> None:
    assert client.post(f"{API}/tasks", json=spec(), headers=headers).status_code == 201


def test_another_site_may_link_here_and_embed_nothing(client) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get(f"{API}/tasks", headers=link).status_code == 200
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get(f"{API}/tasks", headers=embedded).status_code == 403


def test_only_stated_names_are_answered(tmp_path) -> None:
    header = key_for(tmp_path)
    with client_of(tmp_path, host="192.0.2.7", hosts=("tuneworth.example",)) as client:
        for host in ("tuneworth.example", "TUNEWORTH.example:443", "192.0.2.7", "localhost:80"):
            reply = client.get(f"{API}/tasks", headers={**header, "Host": host})
            assert reply.status_code == 200
        for host in ("example", "x.tuneworth.example", "192.0.2.8"):
            reply = client.get(f"{API}/tasks", headers={**header, "Host": host})
            assert reply.status_code == 421


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("keyed")


@pytest.fixture(scope="module")
def header(data):
    return key_for(data, scopes=["read", "run", "admin"])


@pytest.fixture(scope="module")
def served(data, header):
    with client_of(data) as client:
        yield client


@pytest.fixture
def browser(served):
    """A client of an application with keys, without a cookie at first."""
    served.cookies.clear()
    return served


def logged_in(client, header, **headers):
    """The reply to a browser that sends the key in the form."""
    key = header["Authorization"].removeprefix("Bearer ")
    form = {"key": key, "next": f"{API}/comparisons/c/report.html"}
    return client.post("/login", data=form, headers=headers, follow_redirects=False)


def test_a_browser_logs_in_once_and_then_reads(browser, header) -> None:
    place = f"{API}/comparisons/c/report.html"
    page = browser.get(place, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert page.headers["content-type"].startswith("text/html")
    assert f'name="next" value="{place}"' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    reply = logged_in(browser, header)
    assert (reply.status_code, reply.headers["location"]) == (303, place)
    cookie = reply.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie
    assert browser.get(f"{API}/tasks").status_code == 200  # the client keeps cookies
    assert browser.get(place).status_code == 404
    assert browser.post("/logout").status_code == 200
    assert browser.get(f"{API}/tasks").status_code == 401


def test_the_cookie_is_for_tls_alone_where_the_browser_came_by_it(tmp_path) -> None:
    header = key_for(tmp_path)
    with client_of(tmp_path, hosts=("tuneworth.example",)) as client:
        names = {"Host": "tuneworth.example", "Origin": "https://tuneworth.example"}
        assert "Secure" in logged_in(client, header, **names).headers["set-cookie"]


def test_the_cookie_changes_nothing(browser, header) -> None:
    assert logged_in(browser, header).status_code == 303
    assert browser.get(f"{API}/tasks").status_code == 200
    assert browser.post(f"{API}/tasks", json=spec()).status_code == 401
    assert browser.delete(f"{API}/tasks/nope").status_code == 401
    assert browser.post(f"{API}/tasks", json=spec(), headers=header).status_code == 201


def test_a_wrong_key_sets_no_cookie(browser) -> None:
    reply = logged_in(browser, {"Authorization": "Bearer tw_nothing"})
    assert (reply.status_code, "set-cookie" in reply.headers) == (401, False)
    assert "not in force" in reply.text
    assert 'name="next" value="/api/v1/comparisons/c/report.html"' in reply.text


@pytest.mark.parametrize(
    "place",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "/login", ""),
        *("javascript:alert(1)", f"{API}/\r\nX: y", f"{API}/é"),
    ],
)
def test_logging_in_leads_nowhere_else(browser, header, place) -> None:
    form = {"key": header["Authorization"].removeprefix("Bearer "), "next": place}
    reply = browser.post("/login", data=form, follow_redirects=False)
    assert (reply.status_code, "location" in reply.headers) == (200, False)
    assert "set-cookie" in reply.headers
    assert "evil" not in reply.text


def test_the_address_on_the_login_page_is_escaped(browser) -> None:
    address = f'{API}/comparisons/"><script>alert(1)/report.html'
    page = browser.get(address, headers={"Accept": "text/html"})
    assert page.status_code == 401
    assert "alert(1)" in page.text
    assert "<script" not in page.text


def test_the_login_page_runs_and_loads_nothing(client) -> None:
    page = client.get("/login").text
    assert not re.search(r"<script|<link|@import|https?://|src=", page)


def test_logging_in_takes_a_short_body(client) -> None:
    assert client.post("/login", data={"key": "a" * 5000}).status_code == 413
