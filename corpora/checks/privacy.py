"""Personal data that a hosted model would see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from corpora.checks.material import Material, about
from corpora.task import Check

_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b")
_PHONE = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){8,13}(?!\d)"
    r"|(?<!\w)0\d{2,4}[ /-]\d{3}[ -]?\d{3,5}\b"
)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_COUNTRIES = (
    *("AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR"),
    *("HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MT", "NL", "NO", "PL", "PT", "RO"),
    *("SE", "SI", "SK", "SM"),
)
_IBAN = re.compile(rf"\b(?:{'|'.join(_COUNTRIES)})\d{{2}}(?: ?[A-Z0-9]){{11,27}}\b")

_FINDERS: dict[str, Callable[[str], bool]] = {
    "e-mail addresses": lambda text: _EMAIL.search(text) is not None,
    "phone numbers": lambda text: _PHONE.search(text) is not None,
    "card numbers": lambda text: any(_luhn(card[0]) for card in _CARD.finditer(text)),
}
_ACCOUNTS = "bank accounts"


def personal_data(material: Material) -> Iterator[Check]:
    """What looks like e-mail addresses, phone numbers, payment cards and bank accounts.

    Cards and accounts must have right check digits: ISO/IEC 7812-1, annex B, and ISO 13616.
    """
    texts = [(row.id, f"{row.input}\n{row.output}") for row in material.rows]
    texts += [(document.id, document.text) for document in material.dataset.documents]
    holders: dict[str, list[str]] = {what: [] for what in (*_FINDERS, _ACCOUNTS)}
    for identifier, text in texts:
        rest = _IBAN.sub(_without, text)  # parts of an account look like phone numbers and cards
        kinds = [what for what, finder in _FINDERS.items() if finder(rest)]
        for what in [*kinds, *([_ACCOUNTS] if rest != text else [])]:
            holders[what].append(identifier)
    for what, ids in holders.items():
        if ids:
            texts_hold = "1 text holds" if len(ids) == 1 else f"{len(ids):,} texts hold"
            message = (
                f"{texts_hold} what looks like {what}: may a hosted model see such data? If not, "
                "put made-up ones in their place, or keep to a local model."
            )
            yield about("personal-data", "info", message, ids)


def _luhn(number: str) -> bool:
    digits = [int(sign) for sign in number if sign.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _without(found: re.Match[str]) -> str:
    """Nothing in place of an account; what only looks like one stays."""
    signs = found[0].replace(" ", "")
    value = int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4]))
    return "" if value % 97 == 1 else found[0]
