"""The fields of each kind, and which column of a file is which: by what English and German files call them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mes.exchange.table_files.types import Kind


class Shape(StrEnum):
    """How the text of a cell is read."""

    text = "text"
    number = "number"
    whole = "whole"
    day = "day"
    words = "words"
    """Several, apart by comma, semicolon, bar or line."""


@dataclass(frozen=True, slots=True)
class Field:
    """`words`: headings it goes by. `needed`: no file can do without it."""

    name: str
    words: tuple[str, ...]
    shape: Shape = Shape.text
    needed: bool = False


def _field(name: str, words: str, shape: Shape = Shape.text, *, needed: bool = False) -> Field:
    known = (name, *words.split("|"))
    return Field(name, tuple(dict.fromkeys(normal(word) for word in known)), shape, needed)


_LESS: Final = re.compile(r"\(.*?\)|\[.*?\]|[^0-9a-zäöüß%]")


def normal(heading: str) -> str:
    """What of a heading counts: letters and figures, nothing in brackets."""
    return _LESS.sub("", heading.casefold().replace("ß", "ss"))


_MATERIAL_WORDS: Final = (
    "material|material no|material number|material code|part|part no|part number|item|item no|item number|item code|"
    "sku|product|product code|article|article number|default_code|Materialnummer|Material-Nr.|Mat.-Nr.|MatNr|Artikel|"
    "Artikelnummer|Artikel-Nr.|ArtNr|Teilenummer|Teile-Nr.|Sachnummer|Sach-Nr.|Produkt|Erzeugnis"
)
_UNIT: Final = _field(
    "unit",
    "unit of measure|uom|base unit|basic unit|measure|Einheit|ME|Mengeneinheit|Basiseinheit|Basismengeneinheit|BME|"
    "Lagereinheit",
)
_DESCRIPTION: Final = _field(
    "description",
    "name|text|short text|material description|designation|remark|note|Bezeichnung|Beschreibung|Benennung|Kurztext|"
    "Materialkurztext|Artikelbezeichnung|Bemerkung|Langtext",
)
_QUANTITY: Final = _field(
    "quantity",
    "qty|amount|stock|on hand|order quantity|target quantity|planned quantity|Menge|Bestand|Anzahl|Stückzahl|"
    "Auftragsmenge|Sollmenge|Gesamtmenge|Lagerbestand",
    Shape.number,
)
_ORDER_ID: Final = _field(
    "id",
    "order|order no|order number|production order|work order|manufacturing order|mo|order reference|"
    "reference|operations request|Auftrag|Auftragsnummer|Auftrags-Nr.|AuftrNr|"
    "Fertigungsauftrag|Betriebsauftrag|Produktionsauftrag|FA|FA-Nr.|BA|BA-Nr.",
    needed=True,
)
_LOT_ID: Final = _field(
    "id",
    "lot|lot no|lot number|batch|batch no|batch number|lot id|serial|serial number|Charge|"
    "Chargennummer|Chargen-Nr.|Los|Losnummer|Los-Nr.|Seriennummer",
    needed=True,
)
_DISPOSITION: Final = _field(
    "disposition", "state|status|stock status|Zustand|Bestandsstatus|Verwendung|Freigabe|Sperrkennzeichen"
)
_CLASS_WORDS: Final = "class|classes|group|Klasse|Klassen|Gruppe"
FIELDS: Final[Mapping[Kind, tuple[Field, ...]]] = {
    Kind.equipment: (
        _field(
            "id",
            "equipment|equipment no|equipment number|equipment id|machine|machine no|machine id|resource|resource id|"
            "station|work center|work centre|work unit|asset|Maschine|Maschinennummer|Maschinen-Nr.|Arbeitsplatz|"
            "Arbeitsplatznummer|Ressource|Anlage|Anlagennummer|Technischer Platz",
            needed=True,
        ),
        _field("level", "equipment level|type|kind|hierarchy level|Ebene|Art|Typ|Hierarchieebene"),
        _field(
            "parent_id",
            "parent|parent id|superior|superior equipment|belongs to|located in|line|area|Übergeordnet|"
            "Übergeordneter Platz|Übergeordnetes Equipment|Gehört zu|Linie|Bereich|Standort",
        ),
        _DESCRIPTION,
        _field(
            "nominal_cycle_s",
            "cycle time|cycle time s|nominal cycle|seconds per piece|Taktzeit|Zykluszeit|Stückzeit",
            Shape.number,
        ),
        _field("equipment_classes", f"equipment class|machine group|Maschinengruppe|{_CLASS_WORDS}", Shape.words),
    ),
    Kind.material_definitions: (
        _field("id", _MATERIAL_WORDS, needed=True),
        _UNIT,
        _DESCRIPTION,
        _field("conversions", "unit conversions|alternative units|Umrechnungen|Alternativeinheiten", Shape.words),
        _field(
            "material_classes",
            f"material class|material group|product group|commodity group|Materialklasse|Materialgruppe|Warengruppe|"
            f"{_CLASS_WORDS}",
            Shape.words,
        ),
    ),
    Kind.material_lots: (
        _LOT_ID,
        _field("material_id", _MATERIAL_WORDS),
        _QUANTITY,
        _UNIT,
        _DISPOSITION,
    ),
    Kind.persons: (
        _field(
            "id",
            "person|person id|personnel number|personnel no|employee|employee no|employee number|employee id|badge|"
            "user|Personalnummer|Personal-Nr.|PersNr|Mitarbeiternummer|Mitarbeiter-Nr.|Kürzel|Ausweis",
            needed=True,
        ),
        _field("name", "full name|employee name|Mitarbeiter|Vor- und Nachname|Vor- und Zuname|Anzeigename"),
        _field("language", "lang|Sprache"),
        _field(
            "qualifications",
            "qualification|skills|personnel classes|personnel class|roles|Qualifikation|Qualifikationen|"
            "Personalklassen",
            Shape.words,
        ),
    ),
    Kind.operations_requests: (
        _ORDER_ID,
        _field("version", "revision|rev|Version|Stand"),
        _field("material_id", _MATERIAL_WORDS),
        _field(
            "operations_definition_id",
            "operations definition|routing|routing id|Arbeitsplan|Arbeitsplannummer|Plan|Plan-Nr.",
        ),
        Field(_QUANTITY.name, _QUANTITY.words, Shape.number, needed=True),
        _UNIT,
        _DESCRIPTION,
        _field("priority", "prio|Priorität|Prio", Shape.whole),
        _field(
            "due_at",
            "due|due date|deadline|finish date|end date|delivery date|needed by|Termin|Fällig|Fällig am|Fälligkeit|"
            "Liefertermin|Endtermin|Eckendtermin|Fertigstellungstermin|Wunschtermin",
            Shape.day,
        ),
        _field(
            "under_percent",
            "under|under tolerance|under-delivery|Untermenge|Unterlieferung|Untertoleranz",
            Shape.number,
        ),
        _field("over_percent", "over|over tolerance|over-delivery|Übermenge|Überlieferung|Übertoleranz", Shape.number),
    ),
    Kind.bills: (
        _field(
            "id",
            "routing|routing no|routing id|operations definition|operations definition id|bill|bill of material|"
            "bill of materials|bom|bom no|bom id|Arbeitsplan|Arbeitsplannummer|Plan|Plan-Nr.|Stückliste|"
            "Stücklistennummer|Stücklisten-Nr.|Stkl.",
            needed=True,
        ),
        _field(
            "segment_id",
            "segment|step|operation|operation no|op|Arbeitsgang|Arbeitsvorgang|AG|AVO|Vorgang|Schritt",
        ),
        _field(
            "material_id",
            "component|component no|component number|Komponente|Komponentennummer|Einsatzmaterial|" + _MATERIAL_WORDS,
            needed=True,
        ),
        _field(
            "quantity",
            "qty|quantity per|qty per|quantity per piece|component quantity|usage|Menge|Menge je Stück|Einsatzmenge|"
            "Komponentenmenge|Stückzahl|Anzahl",
            Shape.number,
            needed=True,
        ),
        _UNIT,
        _field(
            "scrap_allowance",
            "scrap|scrap %|component scrap|scrap percent|Ausschuss|Ausschuss %|Komponentenausschuss|Verschnitt",
            Shape.number,
        ),
    ),
    Kind.erp_orders: (
        _ORDER_ID,
        _field(
            "good",
            "good quantity|yield|confirmed|confirmed quantity|completed quantity|produced|produced quantity|Gutmenge|"
            "Ausbringung|Rückgemeldet|Rückgemeldete Menge|Gelieferte Menge|Istmenge",
            Shape.number,
            needed=True,
        ),
        _field("scrap", "scrap quantity|rejects|Ausschuss|Ausschussmenge", Shape.number),
        _QUANTITY,
    ),
    Kind.erp_lots: (
        _LOT_ID,
        Field(_QUANTITY.name, _QUANTITY.words, Shape.number, needed=True),
        _UNIT,
        _DISPOSITION,
    ),
}


def recognised(kind: Kind, headers: Sequence[str]) -> dict[str, str]:
    """field → header: each field the header that comes first among its words; each header one field."""
    found: dict[str, str] = {}
    free = [header for header in headers if normal(header)]
    for field in FIELDS[kind]:
        ranked = [(field.words.index(normal(h)), n) for n, h in enumerate(free) if normal(h) in field.words]
        if ranked:
            found[field.name] = free.pop(min(ranked)[1])
    return found


def count_recognised(kind: Kind, headers: Sequence[str]) -> int:
    return len(recognised(kind, headers))
