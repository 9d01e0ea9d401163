"""What may be changed in a what-if: light, because the schema of the API shows it."""

from __future__ import annotations

from pydantic import Field

from corpora.task import Deployment, Needs


class Changes(Needs):
    """What may be changed: any need, fields of the deployment, prices.

    A field that is left out stays as it is; null means that it is not stated. In `prices` a key
    is `usd_per_hour` (of the machine of the comparison), `MACHINE.usd_per_hour`, or a hosted
    model's `MODEL.input`, `.cached`, `.output` (US dollars per million tokens) or
    `.batch_discount`.
    """

    deployment: Deployment | None = None
    prices: dict[str, float] = Field(default_factory=dict)
