"""Every REST router of the plant."""

from __future__ import annotations

from fastapi import APIRouter

from mes.access.api import router as access
from mes.access.audit.api import router as audit
from mes.access.privacy.api import router as privacy
from mes.definitions.api import router as definitions
from mes.equipment.api import router as equipment
from mes.exchange.b2mml.api import router as b2mml
from mes.exchange.erp.api import router as erp
from mes.exchange.feed.api import router as feed
from mes.exchange.reconciliation.api import router as reconciliation
from mes.exchange.table_files.api import router as table_files
from mes.exchange.webhooks.api import router as webhooks
from mes.genealogy.api import router as genealogy
from mes.genealogy.lots.api import router as lots
from mes.genealogy.may_i.api import router as may_i
from mes.genealogy.tools.api import router as tools
from mes.ingest.api import router as bridge
from mes.ingest.quarantine.api import router as quarantine
from mes.materials.api import router as materials
from mes.materials.life.api import router as lives
from mes.materials.receiving.api import router as receiving
from mes.orders.api import router as orders
from mes.orders.executing.api import router as executing
from mes.orders.following.api import router as following
from mes.orders.supervising.api import router as supervising
from mes.personnel.api import router as personnel
from mes.quality.api import router as quality
from mes.quality.first_article.api import router as first_articles
from mes.reporting.api import router as reporting
from mes.reporting.measurements.api import router as measurements

router = APIRouter()
# Routes are tried in order: bridges, who knock all day, come first.
for _feature in (
    bridge,
    access,
    audit,
    privacy,
    personnel,
    equipment,
    materials,
    lives,
    receiving,
    definitions,
    executing,
    following,
    supervising,
    orders,
    quality,
    first_articles,
    lots,
    genealogy,
    may_i,
    tools,
    reporting,
    measurements,
    quarantine,
    b2mml,
    table_files,
    reconciliation,
    feed,
    webhooks,
    erp,
):
    router.routes.extend(_feature.routes)  # flat: what is included is matched twice
