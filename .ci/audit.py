"""Whether an installed package has a known vulnerability, by pip-audit.

0   none
1   some: they are listed
3   not known, which is said loudly: the advisories cannot be reached, or know none of the packages
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

UNKNOWN = 3
WARNING = """
##############################################################################
NOT AUDITED: {why}.
Whether an installed package has a known vulnerability is NOT known.
Run `make audit` where there is a network.
##############################################################################
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        found = Path(place) / "found.json"
        command = [sys.executable, "-m", "pip_audit", "--skip-editable"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(found)]
        code = subprocess.run(command, check=False).returncode
        told = found.read_text(encoding="utf-8") if found.is_file() else ""
    if not told.strip():
        # nothing is written where all is well; and where it ends with 1 for want of advisories
        return unknown("the advisories cannot be reached") if code else 0
    return judged(json.loads(told)["dependencies"])


def judged(packages: list[dict]) -> int:
    """The exit code, after listing what was found and what could not be looked up."""
    skipped = [one for one in packages if "skip_reason" in one]
    if len(skipped) == len(packages):
        return unknown("the advisories know none of the packages")
    for one in skipped:
        print(f"not audited: {one['name']}: {one['skip_reason']}")
    for one in packages:
        for flaw in one.get("vulns", ()):
            mended = ", ".join(flaw["fix_versions"]) or "no version yet"
            print(f"{one['name']} {one['version']}: {flaw['id']}, mended in {mended}")
    return int(any(one.get("vulns") for one in packages))


def unknown(why: str) -> int:
    print(WARNING.format(why=why), file=sys.stderr)
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main())
