"""Attacks by data that is small to send and large, or deep, once it is read."""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from service.reliability.attacks.attack import Attack, Refused
from service.reliability.attacks.serving import TASKS, client, refused

PDF_LINES = 300_000
BOMB_BYTES = 64 * 2**20


def json_depth(folder: Path) -> str:
    body = '{"name": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with client(folder) as one:
        reply = one.post(TASKS, content=body, headers={"Content-Type": "application/json"})
    return refused(reply, 400)


def yaml_bomb(folder: Path) -> str:
    """Five lists, each ten times the one before, by aliases."""
    from corpora.files import parse_yaml

    lines = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 6)]
    value = parse_yaml("\n".join(lines), "task.yaml")
    return f"{len(lines)} lines became {_texts(value):,} texts"


def _texts(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_texts, value.values()))
    return sum(map(_texts, value)) if isinstance(value, list) else 1


def xml_bomb(folder: Path) -> str:
    """Entities that are made of entities, in a page."""
    from corpora import convert

    entities = ['<!ENTITY e0 "lol">']
    entities += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 5)]
    page = f"<!DOCTYPE html [{''.join(entities)}]><html><body><p>&e4;</p></body></html>"
    text = convert.html_to_text(page.encode(), "page.html")
    if text.count("lol") > 1_000:
        return f"{len(page)} characters became {len(text):,}"
    raise Refused(f"entities stay what they are: {text[:40]!r}")


def html_to_text_by_xml(content: bytes, shown: str) -> str:
    """Pages read by an XML parser, which knows entities."""
    return "".join(ElementTree.fromstring(content).itertext())


def html_depth(folder: Path) -> str:
    from corpora.convert import html_to_text

    page = b"<div>" * 100_000 + b"deep"
    return f"{len(html_to_text(page, 'page.html'))} characters of a page 100,000 levels deep"


def pdf_bomb(folder: Path) -> str:
    """A page of 30 MB of comments, in some kilobytes."""
    from corpora.convert import pdf_to_text

    content = pdf_of(
        (b"%" + b"x" * 98 + b"\n") * PDF_LINES + b"BT /F 12 Tf 10 100 Td (end) Tj ET\n"
    )
    return f"read {len(content):,} bytes: {pdf_to_text(content, 'bomb.pdf')[:20]!r}"


def pdf_of(drawn: bytes) -> bytes:
    """A PDF of one page with these drawing commands, compressed."""
    packed = zlib.compress(drawn, 9)
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources"
        b" << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    )
    file, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = b"xref\n0 5\n0000000000 65535 f \n" + table
    trailer = b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(file)
    return file + start + trailer


def zip_slip(folder: Path) -> str:
    """A member named to lie beside the folder that it is unpacked into."""
    from strategies.archives import unpack

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../planted.txt", "x")
    unpack(file, folder / "artefact")
    return f"wrote {[path.name for path in folder.glob('*.txt')]} beside the folder"


def zip_bomb(folder: Path) -> str:
    from strategies.archives import unpack

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights", b"\0" * BOMB_BYTES)
    unpack(file, folder / "artefact", most_bytes=BOMB_BYTES // 8)
    return f"{len(file.getvalue()):,} bytes became {BOMB_BYTES:,}"


def unpack_all(opened: Any, member: Any, target: Path, most: int) -> int:
    opened.extract(member, target)
    return 0


def name_as_it_is(member: Any) -> str:
    return str(member.filename)


def parse_by_json(body: bytes) -> Any:
    return json.loads(body)


ATTACKS = (
    Attack("json-depth", json_depth, {"service.api_tasks:parse_object": parse_by_json}),
    Attack("yaml-bomb", yaml_bomb, {"corpora.files:_PlainLoader": yaml.SafeLoader}),
    Attack("xml-bomb", xml_bomb, {"corpora.convert:html_to_text": html_to_text_by_xml}),
    Attack("html-depth", html_depth, {"corpora.convert:MAX_DEPTH": 10**9}, busy_after=10),
    Attack("pdf-bomb", pdf_bomb, {"corpora.convert:MAX_PAGE_BYTES": 10**9}, busy_after=10),
    Attack(
        "zip-slip",
        zip_slip,
        {"strategies.archives:_checked": name_as_it_is},
    ),
    Attack("zip-bomb", zip_bomb, {"strategies.archives:_unpack_member": unpack_all}),
)
