"""How a browser presents a key: a page takes it once, and a cookie carries it from then on.

The cookie is HttpOnly and SameSite=Strict, ends after twelve hours, and only ever reads: whatever
changes something takes the Authorization header, which no page of another site can send.
"""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.params import RawBody

from service.errors import NoKey
from service.guarding import COOKIE_NAME, OPEN, SAFE, gate_of
from service.problems import problem_of, reply_with_problem
from service.shapes import API
from service.wire import POLICY

COOKIE_SECONDS = 12 * 3600
MOST_BYTES = 4096
FORM_POLICY = POLICY.replace("form-action 'none'", "form-action 'self'")


@get("/login", sync_to_thread=False)
def show_login() -> Response[str]:
    """The page that asks for a key."""
    return _page(200, "", "")


@post("/login", request_max_body_size=MOST_BYTES)
async def log_in(request: Request[Any, Any, Any], body: RawBody) -> Response[Any]:
    """Keep the key of the form in a cookie, and go on to the page that was asked for."""
    sent = parse_qs(body.decode(errors="replace"))
    key, place = (sent.get(name, [""])[0] for name in ("key", "next"))
    gate = gate_of(request)
    try:
        found = await gate.caller_of(f"Bearer {key.strip()}")
    except NoKey:
        return _refused("This key is not in force.", place)
    if found.key is None:
        return _page(200, "No key is needed here.", "")
    if not _is_ours(place):
        reply = _page(200, "You are logged in. Open a report by its address.", "")
    else:
        reply = Response("", status_code=303, headers={"Location": quote(place, safe="/+@.~_-")})
    # a proxy may speak TLS for this server: the browser knows how it came here
    secure = request.headers.get("origin", "").startswith("https://")
    reply.set_cookie(_cookie(key.strip(), COOKIE_SECONDS, secure))
    return reply


@post("/logout", request_max_body_size=MOST_BYTES, sync_to_thread=False)
def log_out() -> Response[str]:
    """Remove the cookie."""
    reply = _page(200, "You are logged out.", "")
    reply.set_cookie(_cookie("", 0, secure=False))
    return reply


def ask_to_log_in(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The exception handler of a missing key: browsers get the page, others the problem."""
    wanted = request.accept.best_match(["application/json", "text/html"])
    if request.method in SAFE and wanted == "text/html":
        return _refused("", request.scope["path"])
    return reply_with_problem(request, error)


def _refused(message: str, place: str) -> Response[str]:
    page = _page(401, message, place)
    page.headers.update(problem_of(NoKey()).headers)
    return page


def _page(status: int, message: str, place: str) -> Response[str]:
    """`place` is where to go after logging in."""
    shown = _template().render(message=message, place=place if _is_ours(place) else "")
    headers = {"Content-Security-Policy": FORM_POLICY}
    return Response(shown, status_code=status, media_type="text/html", headers=headers)


def _is_ours(place: str) -> bool:
    """Whether it is an address of ours, and leads nowhere else."""
    return place.startswith(f"{API}/") and place.isascii() and place.isprintable()


def _cookie(value: str, seconds: int, secure: bool) -> Cookie:
    return Cookie(
        COOKIE_NAME,
        value=value,
        path="/",
        max_age=seconds,
        httponly=True,
        samesite="strict",
        secure=secure,
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("login.html.j2")


login = Router("/", route_handlers=[show_login, log_in, log_out], opt=OPEN, include_in_schema=False)
