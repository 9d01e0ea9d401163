"""Every attack by name; another module of attacks joins in by a line here."""

from service.reliability.attacks import (
    bombs,
    crossing,
    forging,
    naming,
    planting,
    searching,
    sending,
    trespassing,
    writing,
)
from service.reliability.attacks.attack import Attack

MODULES = (
    *(naming, sending, bombs, searching, writing, planting),
    *(forging, trespassing, crossing),
)
ATTACKS: dict[str, Attack] = {
    attack.name: attack for module in MODULES for attack in module.ATTACKS
}
