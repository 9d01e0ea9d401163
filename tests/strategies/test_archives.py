"""Zip files that would write elsewhere, or fill the disk."""

import io
import zipfile

import pytest

from strategies.archives import unpack
from strategies.errors import BadArchive


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_files_and_folders_are_unpacked(tmp_path):
    unpack(zipped(**{"a.json": "{}", "deep/b.txt": "text", "empty/": ""}), tmp_path / "to")
    assert (tmp_path / "to" / "a.json").read_text() == "{}"
    assert (tmp_path / "to" / "deep" / "b.txt").read_text() == "text"
    assert (tmp_path / "to" / "empty").is_dir()


@pytest.mark.parametrize(
    "name",
    ["../up.txt", "a/../../up.txt", "/etc/up.txt", "C:\\up.txt", "..\\up.txt", "\\\\host\\up", "/"],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(BadArchive, match="leads out of the folder"):
        unpack(zipped(**{"first.txt": "x", name: "x"}), tmp_path / "below" / "to")
    assert [path.name for path in tmp_path.rglob("*")] == ["below"]


def test_a_link_is_refused(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadArchive, match="is a link"):
        unpack(file, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_bytes_are_counted_as_they_are_written(tmp_path):
    bomb = zipped(a=b"\0" * 3_000_000, b=b"\0" * 3_000_000)
    assert len(bomb.getvalue()) < 10_000
    with pytest.raises(BadArchive, match="more bytes than allowed"):
        unpack(bomb, tmp_path / "to", most_bytes=5_000_000)
    assert not (tmp_path / "to").exists()
    unpack(bomb, tmp_path / "to", most_bytes=6_000_000)
    assert (tmp_path / "to" / "b").stat().st_size == 3_000_000


def test_an_archive_that_understates_its_size_is_found_out(tmp_path):
    file = zipped(a=b"\0" * 3_000_000)
    data = file.getvalue().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(BadArchive):
        unpack(io.BytesIO(data), tmp_path / "to", most_bytes=1_000_000)
    assert not (tmp_path / "to").exists()


def test_many_files_are_refused_before_any_is_written(tmp_path):
    with pytest.raises(BadArchive, match="11 files, more than 10"):
        unpack(zipped(**{f"f{n}": "" for n in range(11)}), tmp_path / "to", most_files=10)


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\3\4" + b"\0" * 30])
def test_what_is_no_zip_is_refused(tmp_path, data):
    with pytest.raises(BadArchive, match="cannot be read"):
        unpack(io.BytesIO(data), tmp_path / "to")
    assert not (tmp_path / "to").exists()
