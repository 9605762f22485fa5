"""Opens the plants that the settings name; brings no screen along, for those who need none."""

from __future__ import annotations

from mes.kernel.plants import Plants
from mes.migrations.upgrade import upgrade
from web.settings import Settings


def open_plants(settings: Settings) -> Plants:
    """The directory of plants these settings name, with the default plant open and at the present schema."""
    plants = Plants(
        data_dir=settings.data_dir,
        database_url=settings.database_url,
        migrate=upgrade,
        chained=settings.chained_audit,
    )
    plants.get(plants.default.plant_id)
    return plants
