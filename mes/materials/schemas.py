"""REST documents of materials and lots."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mes.kernel.classes import ClassIds, ClassSpec, ClassView, class_ids
from mes.kernel.limits import ID_PATTERN, Version
from mes.kernel.paging import Page
from mes.kernel.properties import InheritedPropertyOut, PropertyDocument, PropertyDocuments, exact_properties
from mes.kernel.texts import NO_NUL
from mes.materials.queries import MaterialLotView, MaterialView
from mes.materials.rules import check_property_ids, conversion, exact_number
from mes.materials.types import LotSpec, MaterialSpec, UnitConversion
from standards.isa95.material import Disposition

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=500), NO_NUL]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=20), NO_NUL]
MaterialProperties = Annotated[PropertyDocuments, AfterValidator(check_property_ids)]
Amount = Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, max_digits=19, decimal_places=6)]


class Document(BaseModel):
    """A document of this API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConversionDocument(Document):
    """One `unit` is `factor` of the material's own unit: "8", "0.5" or "1/12", exactly."""

    unit: Unit
    factor: Annotated[str, StringConstraints(max_length=40)]

    def exact(self) -> UnitConversion:
        return conversion(self.unit, self.factor)

    @classmethod
    def of(cls, known: UnitConversion) -> ConversionDocument:
        ratio = str(known.numerator) if known.denominator == 1 else f"{known.numerator}/{known.denominator}"
        return cls(unit=known.unit, factor=ratio)


class MaterialChange(Document):
    """The whole material as it is to be; its unit cannot change."""

    unit: Unit
    description: Text = ""
    conversions: list[ConversionDocument] = Field(default=[], max_length=50)
    material_classes: ClassIds | None = None
    """The classes it belongs to; None leaves them alone."""
    properties: MaterialProperties | None = None
    """Its own; None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, material_id: str) -> MaterialSpec:
        exact = tuple(c.exact() for c in self.conversions)
        classes, properties = class_ids(self.material_classes), exact_properties(self.properties)
        return MaterialSpec(material_id, self.unit, self.description, exact, classes, properties)


class MaterialIn(Document):
    id: Id
    unit: Unit
    description: Text = ""
    conversions: list[ConversionDocument] = Field(default=[], max_length=50)
    material_classes: ClassIds | None = None
    properties: MaterialProperties | None = None

    def spec(self) -> MaterialSpec:
        exact = tuple(c.exact() for c in self.conversions)
        classes, properties = class_ids(self.material_classes), exact_properties(self.properties)
        return MaterialSpec(self.id, self.unit, self.description, exact, classes, properties)


class MaterialOut(Document):
    """`properties`: its own; `inherited_properties`: what its classes say and it does not say otherwise."""

    id: str
    unit: str
    description: str
    conversions: list[ConversionDocument]
    material_classes: list[str]
    properties: list[PropertyDocument]
    inherited_properties: list[InheritedPropertyOut]
    version: int

    @classmethod
    def of(cls, view: MaterialView) -> MaterialOut:
        return cls(
            id=view.material_id,
            unit=view.unit,
            description=view.description,
            conversions=[ConversionDocument.of(c) for c in view.conversions],
            material_classes=list(view.classes),
            properties=[PropertyDocument.of(one) for one in view.properties],
            inherited_properties=[InheritedPropertyOut.of(one) for one in view.inherited],
            version=view.version,
        )


class MaterialPage(Document):
    items: list[MaterialOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[MaterialView]) -> MaterialPage:
        return cls(items=[MaterialOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class MaterialClassIn(Document):
    id: Id
    description: Text = ""
    properties: PropertyDocuments | None = None

    def spec(self) -> ClassSpec:
        return ClassSpec(self.id, self.description, exact_properties(self.properties))


class MaterialClassChange(Document):
    description: Text
    properties: PropertyDocuments | None = None
    """None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, class_id: str) -> ClassSpec:
        return ClassSpec(class_id, self.description, exact_properties(self.properties))


class MaterialClassOut(Document):
    """A group of materials that are alike for some purpose."""

    id: str
    description: str
    properties: list[PropertyDocument]
    version: int

    @classmethod
    def of(cls, view: ClassView) -> MaterialClassOut:
        properties = [PropertyDocument.of(one) for one in view.properties]
        return cls(id=view.class_id, description=view.description, properties=properties, version=view.version)


class MaterialClassPage(Document):
    items: list[MaterialClassOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[ClassView]) -> MaterialClassPage:
        return cls(items=[MaterialClassOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class QuantityOut(Document):
    value: Decimal
    unit: str


class MaterialLotChange(Document):
    """The whole lot as it is to be; its material and unit cannot change."""

    material_id: Id
    quantity: Amount
    unit: Unit
    disposition: Disposition
    properties: PropertyDocuments | None = None
    """None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""

    def spec(self, lot_id: str) -> LotSpec:
        properties = exact_properties(self.properties)
        return LotSpec(lot_id, self.material_id, self.quantity, self.unit, self.disposition, properties)


class MaterialLotIn(Document):
    id: Id
    material_id: Id
    quantity: Amount
    unit: Unit
    disposition: Disposition = Disposition.UnRestricted
    properties: PropertyDocuments | None = None

    def spec(self) -> LotSpec:
        properties = exact_properties(self.properties)
        return LotSpec(self.id, self.material_id, self.quantity, self.unit, self.disposition, properties)


class MaterialLotOut(Document):
    id: str
    material_id: str
    quantity: Decimal
    unit: str
    disposition: Disposition
    properties: list[PropertyDocument]
    version: int

    @classmethod
    def of(cls, view: MaterialLotView) -> MaterialLotOut:
        return cls(
            id=view.lot_id,
            material_id=view.material_id,
            quantity=view.quantity,
            unit=view.unit,
            disposition=view.disposition,
            properties=[PropertyDocument.of(one) for one in view.properties],
            version=view.version,
        )


class MaterialLotPage(Document):
    items: list[MaterialLotOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[MaterialLotView]) -> MaterialLotPage:
        return cls(items=[MaterialLotOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class DispositionChange(Document):
    """Hold, release or close a lot, and say why."""

    disposition: Disposition
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), NO_NUL]
    version: Version | None = None
    """The version that was read; or send If-Match."""
