"""Documents an ERP would send to the plant of `tests.support.plants`, and what its answers say."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from standards.isa95.b2mml import Document, Element, read_document
from standards.isa95.b2mml.types import NAMESPACE

XML = {"content-type": "application/xml"}


def document(root: str, *objects: str, criteria: str = "", namespace: str = NAMESPACE) -> str:
    """A transaction around some objects."""
    verb = next(v for v in ("Process", "Sync", "Change", "Cancel", "Get", "Show") if root.startswith(v))
    area = (
        "<ApplicationArea><Sender><LogicalID>ERP-1</LogicalID></Sender>"
        "<CreationDateTime>2026-03-02T07:59:00Z</CreationDateTime><BODID>B-7</BODID></ApplicationArea>"
    )
    data = f"<DataArea><{verb}>{criteria}</{verb}>{''.join(objects)}</DataArea>"
    return f'<{root} xmlns="{namespace}" releaseID="7.01">{area}{data}</{root}>'


def quantity(amount: str, unit: str = "pcs") -> str:
    return f"<Quantity><QuantityString>{amount}</QuantityString><UnitOfMeasure>{unit}</UnitOfMeasure></Quantity>"


def produced(material: str, amount: str, unit: str = "pcs", name: str = "MaterialRequirement") -> str:
    inner = f"<ID>1</ID><MaterialDefinitionID>{material}</MaterialDefinitionID><MaterialUse>Produced</MaterialUse>"
    return f"<{name}>{inner}{quantity(amount, unit)}</{name}>"


def request(id: str, amount: str = "50", *, before: str = "", between: str = "", material: str = "BOARD") -> str:
    """An OperationsRequest for boards; `before` and `between` are further elements in the schema's places."""
    segment = (
        "<SegmentRequirement><ID>1</ID><ProcessSegmentID>ALL</ProcessSegmentID>"
        "<OperationsDefinitionID/><OperationsSegmentID>ALL</OperationsSegmentID>"
        f"{produced(material, amount)}</SegmentRequirement>"
    )
    return f"<OperationsRequest><ID>{id}</ID>{before}{between}{segment}</OperationsRequest>"


def schedule(*requests: str) -> str:
    return f"<OperationsSchedule><ID>S-1</ID>{''.join(requests)}</OperationsSchedule>"


def property_of(material: str, unit: str, *, description: str = "", more: str = "") -> str:
    said = f"<Description>{description}</Description>" if description else ""
    value = f"<Value><ValueString>{unit}</ValueString></Value>"
    unit_property = f"<MaterialDefinitionProperty><ID>BaseUnitOfMeasure</ID>{value}</MaterialDefinitionProperty>"
    return f"<MaterialDefinition><ID>{material}</ID>{said}{unit_property if unit else ''}{more}</MaterialDefinition>"


def said(kind: str, name: str, value: str = "", unit: str = "", *, description: str = "") -> str:
    """A property of a class, a material or an equipment."""
    measured = f"<UnitOfMeasure>{unit}</UnitOfMeasure>" if unit else ""
    inner = f"<Value><ValueString>{value}</ValueString>{measured}</Value>" if value else ""
    words = f"<Description>{description}</Description>" if description else ""
    return f"<{kind}Property><ID>{name}</ID>{words}{inner}</{kind}Property>"


def lot(id: str, *inner: str) -> str:
    return f"<MaterialLot><ID>{id}</ID>{''.join(inner)}</MaterialLot>"


@dataclass(frozen=True)
class Answer:
    """An answer of the door: its status, the document, and per criterion (action, code)."""

    status: int
    document: Document

    @property
    def root(self) -> str:
        return self.document.root

    @property
    def criteria(self) -> tuple[Element, ...]:
        return self.document.verb.all("ResponseCriteria")

    @property
    def codes(self) -> list[str]:
        return [found.value("ChangeStatus", "Code") for found in self.criteria]

    def sentence(self, code: str) -> str:
        found = next(c for c in self.criteria if c.value("ChangeStatus", "Code") == code)
        return found.value("ChangeStatus", "Description")


@dataclass
class Erp:
    http: httpx.AsyncClient
    token: str

    async def post(self, body: str | bytes, **headers: str) -> httpx.Response:
        content = body.encode() if isinstance(body, str) else body
        return await self.http.post(
            "/b2mml", content=content, headers={"authorization": f"Bearer {self.token}", **XML, **headers}
        )

    async def send(self, body: str | bytes) -> Answer:
        """Its answer is a document that our reader has nothing to say about."""
        answer = await self.post(body)
        assert answer.headers["content-type"].startswith("application/xml"), answer.text
        read = read_document(answer.content)
        assert read.remarks == ()
        return Answer(answer.status_code, read)
