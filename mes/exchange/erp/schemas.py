"""REST models of ERP connections."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.exchange.erp.types import (
    PLACES_MAX,
    POLL_S_MAX,
    URL_MAX,
    Checked,
    ConnectionSpec,
    ConnectionView,
    Consumption,
    ErpMaterialView,
    ErpOrderView,
)
from mes.kernel.limits import ID_MAX, Version
from mes.kernel.texts import NO_NUL

Place = Annotated[str, Field(max_length=ID_MAX), NO_NUL]
Password = Annotated[str, Field(min_length=1, max_length=200), NO_NUL]


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=20, examples=["tryton"])
    url: str = Field(max_length=URL_MAX, examples=["https://erp.example"])
    database: str = Field(max_length=ID_MAX, examples=["factory"])
    user: str = Field(max_length=ID_MAX, examples=["lineside"])
    active: bool = True
    plain_http: bool = Field(default=False, description="Whether the password may travel without TLS.")
    private_addresses: bool | None = Field(
        default=None,
        description="Whether it may lead into the plant's own network. Left out: no, in a change: as it was.",
    )
    place: Place = Field(default="", description="Equipment where bills are made whose steps say nothing else.")
    places: dict[Place, Place] = Field(
        default_factory=dict, max_length=PLACES_MAX, description="What the ERP calls a place → equipment."
    )
    order_prefix: str = Field(default="", max_length=20, description="Put before the ERP's order numbers.")
    poll_s: int = Field(default=5, ge=1, le=POLL_S_MAX, description="Seconds between two looks at the ERP.")

    def spec(self, connection_id: str) -> ConnectionSpec:
        named = self.model_dump(exclude={"id", "version", "password"}, exclude_none=True)
        return ConnectionSpec(connection_id=connection_id, **named)


class ErpConnectionIn(_Described):
    """A new ERP to work with."""

    id: str = Field(min_length=1, max_length=ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["tryton"])
    password: Password


class ErpConnectionChange(_Described):
    """What a connection shall be. `version` as it was read, here or in `If-Match`; no password: it stays."""

    version: Version | None = Field(default=None, ge=1)
    password: Password | None = None


class ErpConnectionOut(BaseModel):
    """A connection. `troubled`: orders that wait for a person; `remarks`: master data that could not be taken."""

    id: str
    kind: str
    url: str
    database: str
    user: str
    active: bool
    plain_http: bool
    private_addresses: bool
    place: str
    places: dict[str, str]
    order_prefix: str
    poll_s: int
    version: int
    last_ok_at: AwareDatetime | None
    failing_since: AwareDatetime | None
    said: str = Field(description="Why the last look failed.")
    next_at: AwareDatetime
    remarks: list[str]
    orders: int
    waiting: int = Field(description="Orders whose outcome is still to be told.")
    troubled: int

    @classmethod
    def of(cls, view: ConnectionView) -> ErpConnectionOut:
        values = asdict(view)
        spec = values.pop("spec")
        return cls(id=spec.pop("connection_id"), **spec, **values)


class CheckedOut(BaseModel):
    """What a try found; `remarks`: what would not work as things are."""

    product: str
    company: str
    remarks: list[str]

    @classmethod
    def of(cls, checked: Checked) -> CheckedOut:
        return cls(**asdict(checked))


class ErpOrderOut(BaseModel):
    """How an order stands. `said`: what either side has against it; empty: nothing."""

    order_id: str = Field(description="Empty: it was not taken.")
    key: str = Field(description="The ERP's own.")
    state: str
    told_at: AwareDatetime | None
    due: bool
    said: str

    @classmethod
    def of(cls, view: ErpOrderView) -> ErpOrderOut:
        return cls(**asdict(view))


class ErpMaterialOut(BaseModel):
    """A material of the ERP. `by_lot`: the ERP books it by lot only."""

    material_id: str
    key: str
    by_lot: bool
    consumption: Consumption
    chosen: bool = Field(description="By a person; else it follows from `by_lot`.")

    @classmethod
    def of(cls, view: ErpMaterialView) -> ErpMaterialOut:
        return cls(**asdict(view))


class ConsumptionIn(BaseModel):
    """How the use of a material is found. null: by lot where the ERP books by lot, else by the bill."""

    model_config = ConfigDict(extra="forbid")

    consumption: Consumption | None


class TellAgainIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1, max_length=ID_MAX)
