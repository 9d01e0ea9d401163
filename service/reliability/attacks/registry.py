"""Every attack by name; another module of attacks joins in by a line here."""

from service.reliability.attacks import bombs, naming, planting, searching, sending, writing
from service.reliability.attacks.attack import Attack

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for module in (naming, sending, bombs, searching, writing, planting)
    for attack in module.ATTACKS
}
