"""The shape of every type of B2MML 7.01 that Lineside reads or writes, as data.

Source: MESA B2MML 7.01, `Schema/B2MML-*.xsd`; the order is the schema's, its oddities included (`Endtime`). A test
compares this table with the schemas. Left out: extensions, test specifications and results, workflows, bills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TABLE: Final = """
OperationsSchedule: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? OperationsType?
  ScheduleState? OperationsRequest+
WorkSchedule: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? WorkType? ScheduleState?
  WorkScheduleChild*:WorkSchedule WorkRequest+
MaterialInformation: ID? Description* HierarchyScope? PublishedDate? MaterialClass* MaterialDefinition* MaterialLot*
  MaterialSubLot*
EquipmentInformation: ID Description* HierarchyScope? PublishedDate? Equipment* EquipmentClass*
PersonnelInformation: ID Description* HierarchyScope? PublishedDate? Person* PersonnelClass*
OperationsDefinitionInformation: ID Description* HierarchyScope? PublishedDate? OperationsDefinition*
  OperationsSegment*
OperationsPerformance: ID Description* Version? PublishedDate? StartTime? Endtime? HierarchyScope? OperationsType?
  OperationsScheduleID? PerformanceState? OperationsResponse+
WorkPerformance: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? WorkType?
  WorkScheduleID WorkState? WorkResponse+ WorkPerformanceChild*:WorkPerformance
TransApplicationArea: Sender?:TransSender Receiver*:TransReceiver CreationDateTime BODID?
TransAcknowledge: OriginalApplicationArea?:TransApplicationArea ResponseCriteria*:TransResponseCriteria
TransGet: Expression*
TransProcess: ActionCriteria*:TransActionCriteria
BOD: OriginalApplicationArea?:TransApplicationArea Description* Note*
HierarchyScope: EquipmentID |EquipmentElementLevel |EquipmentLevel HierarchyScopeChild?:HierarchyScope
OperationsRequest: ID Description* Version? StartTime? EndTime? HierarchyScope? OperationsType? Priority?
  RequestState? OperationsDefinitionID? OperationsSegmentID? SegmentRequirement+:OpSegmentRequirement
  RequiredByRequestedSegmentResponse?
WorkRequest: ID Description* Version? HierarchyScope? WorkType? StartTime? EndTime? Priority? OperationsRequestID?
  SegmentRequirementID? RequestState? WorkRequestChild*:WorkRequest JobOrder+
MaterialClass: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  MaterialClassBaseID* MaterialClassProperty* MaterialDefinitionSourceID* AssemblyClass*:MaterialClass AssemblyType?
  AssemblyRelationship?
MaterialDefinition: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  MaterialDefinitionProperty* MaterialClassID* MaterialLotSourceID* AssemblyDefinition*:MaterialDefinition
  AssemblyType? AssemblyRelationship?
MaterialLot: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  MaterialDefinitionID? Status? Disposition? MaterialLotProperty* MaterialSubLot* StorageLocation?:ResourceLocation
  Quantity*:QuantityValue AssemblyLot*:MaterialLot AssemblySubLot*:MaterialSubLot AssemblyType?
  AssemblyRelationship?
MaterialSubLot: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  Status? Disposition? MaterialLotProperty* StorageLocation?:ResourceLocation Quantity*:QuantityValue
  MaterialSubLotChild*:MaterialSubLot MaterialLotID? AssemblyLot*:MaterialLot AssemblySubLot*:MaterialSubLot
  AssemblyType? AssemblyRelationship?
Equipment: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  EquipmentLevel? PhysicalAssetID? OperationalLocation?:ResourceLocation EquipmentProperty*
  EquipmentChild*:Equipment EquipmentClassID*
EquipmentClass: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  EquipmentLevel? EquipmentClassProperty* EquipmentClassChild*:EquipmentClass EquipmentClassBaseID* EquipmentSourceID*
Person: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope? PersonName?
  OperationalLocation?:ResourceLocation PersonProperty* PersonnelClassID*
PersonnelClass: ID Version? Description* PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  PersonnelClassBaseID* PersonnelClassProperty* PersonSourceID*
OperationsDefinition: ID Description* Version? PublishedDate? EffectiveStartDate? EffectiveEndDate? HierarchyScope?
  OperationsType? DefinitionType? OperationsSegment* BillOfMaterialsID* WorkMasterSourceID* BillOfResourcesID*
  OperationsMaterialBillID* OperationsDefinitionPatternID?
OperationsSegment: ID Description* Version? PublishedDate? EffectiveStartDate? EffectiveEndDate? OperationsType?
  DefinitionType? HierarchyScope? Duration? ProcessSegmentID* BillOfMaterialsID* WorkMasterSourceID*
  BillOfResourcesID* OperationsMaterialBillID* OperationsSegmentPatternID? ParameterSpecification*:Parameter
  PersonnelSpecification*:OpPersonnelSpecification EquipmentSpecification*:OpEquipmentSpecification
  MaterialSpecification*:OpMaterialSpecification SegmentDependency* DependentOperationsSegmentID*
  OperationsSegmentChild*:OperationsSegment
OperationsResponse: ID Description* Version? StartTime? EndTime? HierarchyScope? OperationsType?
  OperationsRequestID* SegmentRequirementID* OperationsDefinitionID* OperationsSegmentID* ResponseState?
  SegmentResponse+:OpSegmentResponse
WorkResponse: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? WorkType? WorkRequestID?
  ResponseState? WorkResponseChild*:WorkResponse JobResponse+ RequiredByRequestedSegmentResponse?
TransSender: LogicalID? ComponentID? TaskID? ReferenceID? ConfirmationCode? AuthorizationID?
TransReceiver: LogicalID? ComponentID? ID*
TransResponseCriteria: ResponseExpression? ChangeStatus?:TransChangeStatus
TransActionCriteria: ActionExpression* ChangeStatus?:TransChangeStatus
OpSegmentRequirement: ID Description* Version? EarliestStartTime? LatestEndTime? HierarchyScope? OperationsType?
  ProcessSegmentID Duration? OperationsDefinitionID OperationsSegmentID SegmentState?:RequestState
  SegmentParameter*:Parameter PersonnelRequirement*:OpPersonnelRequirement
  EquipmentRequirement*:OpEquipmentRequirement MaterialRequirement*:OpMaterialRequirement
  SegmentRequirementChild*:OpSegmentRequirement RequiredByRequestedSegmentResponse?
JobOrder: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? WorkType? WorkMasterID?
  WorkMasterVersion? Priority? Command? CommandRule? DispatchStatus? JobOrderParameter*:Parameter
  PersonnelRequirement*:OpPersonnelRequirement EquipmentRequirement*:OpEquipmentRequirement
  MaterialRequirement*:OpMaterialRequirement SegmentRequirementID*
MaterialClassProperty: ID Description* PropertyType? Value* MaterialClassPropertyChild*:MaterialClassProperty
MaterialDefinitionProperty: ID Version? Description* PropertyType? Value*
  MaterialDefinitionPropertyChild*:MaterialDefinitionProperty MaterialClassPropertyID?
MaterialLotProperty: ID Description* Value* MaterialLotPropertyChild*:MaterialLotProperty
  MaterialDefinitionPropertyID?
ResourceLocation: Location LocationType LocationChild*:ResourceLocation
QuantityValue: QuantityString DataType? UnitOfMeasure? Key?
EquipmentProperty: ID Description* Value* EquipmentPropertyChild*:EquipmentProperty EquipmentClassPropertyID?
EquipmentClassProperty: ID Description* PropertyType? Value* EquipmentClassPropertyChild*:EquipmentClassProperty
PersonProperty: ID Description* Value* PersonPropertyChild*:PersonProperty PersonnelClassPropertyID?
PersonnelClassProperty: ID Description* PropertyType? Value* PersonnelClassPropertyChild*:PersonnelClassProperty
Parameter: ID Value* Description* HierarchyScope? ParameterChild*:Parameter ParameterSpecificationID*
  ProcessSegmentParameterID*
OpPersonnelSpecification: ID PersonnelClassID* PersonID* Description* PersonnelUse? HierarchyScope?
  OperationalLocation?:ResourceLocation Quantity*:QuantityValue
  PersonnelSpecificationChild*:OpPersonnelSpecification
OpEquipmentSpecification: ID EquipmentClassID* EquipmentID* Description* EquipmentUse? HierarchyScope?
  OperationalLocation?:ResourceLocation Quantity*:QuantityValue
  EquipmentSpecificationChild*:OpEquipmentSpecification
OpMaterialSpecification: ID MaterialClassID* MaterialDefinitionID* MaterialLotID* MaterialSubLotID* Description*
  MaterialUse? HierarchyScope? StorageLocation?:ResourceLocation Quantity*:QuantityValue
  AssemblySpecification*:OpMaterialSpecification AssemblyType? AssemblyRelationship?
  MaterialSpecificationProperty*:OpMaterialSpecificationProperty
SegmentDependency: ID Description* Dependency DependencyFactor?:Value |ProductSegmentID |ProcessSegmentID |SegmentID
OpSegmentResponse: ID Description* PublishedDate? PostingDate? ActualStartTime? ActualEndTime? HierarchyScope?
  OperationsType? ProcessSegmentID* OperationsRequestID* SegmentRequirementID* OperationsDefinitionID*
  OperationsSegmentID* WorkResponseID* JobResponseID* SegmentState?:ResponseState SegmentData*:OpSegmentData
  PersonnelActual*:OpPersonnelActual EquipmentActual*:OpEquipmentActual PhysicalAssetActual*:OpPhysicalAssetActual
  MaterialActual*:OpMaterialActual SegmentResponseChild*:OpSegmentResponse RequiredByRequestedSegmentResponse?
JobResponse: ID Description* Version? PublishedDate? StartTime? EndTime? HierarchyScope? WorkType? JobOrderID?
  WorkDirectiveVersion? WorkMasterID? WorkMasterVersion? WorkflowSpecificationID? WorkflowSpecificationNodeID?
  JobState? JobResponseData*:OpSegmentData PersonnelActual*:OpPersonnelActual EquipmentActual*:OpEquipmentActual
  PhysicalAssetActual*:OpPhysicalAssetActual MaterialActual*:OpMaterialActual RequiredByRequestedSegmentResponse?
TransChangeStatus: Code? Description* EffectiveDateTime? ReasonCode? Reason* StateChange*:TransStateChange
OpPersonnelRequirement: ID PersonnelClassID* PersonID* Description* PersonnelUse? Quantity*:QuantityValue
  HierarchyScope? OperationalLocation?:ResourceLocation PersonnelRequirementChild*:OpPersonnelRequirement
  RequiredByRequestedSegmentResponse?
OpEquipmentRequirement: ID EquipmentClassID* EquipmentID* EquipmentLevel? Description* EquipmentUse?
  Quantity*:QuantityValue HierarchyScope? OperationalLocation?:ResourceLocation
  EquipmentRequirementChild*:OpEquipmentRequirement RequiredByRequestedSegmentResponse?
OpMaterialRequirement: ID MaterialClassID* MaterialDefinitionID* MaterialLotID* MaterialSubLotID* Description*
  MaterialUse? StorageLocation?:ResourceLocation Quantity*:QuantityValue AssemblyRequirement*:OpMaterialRequirement
  AssemblyType? AssemblyRelationship? HierarchyScope? MaterialRequirementProperty*:OpMaterialRequirementProperty
  RequiredByRequestedSegmentResponse?
Value: ValueString DataType? UnitOfMeasure? Key?
OpMaterialSpecificationProperty: ID Description* Value* Quantity*:QuantityValue MaterialClassPropertyID?
  MaterialDefinitionPropertyID? MaterialLotPropertyID?
  MaterialSpecificationPropertyChild*:OpMaterialSpecificationProperty
OpSegmentData: ID Description* HierarchyScope? Value* SegmentDataChild*:OpSegmentData
  RequiredByRequestedSegmentResponse?
OpPersonnelActual: ID PersonnelClassID* PersonID* Description* PersonnelUse? Quantity*:QuantityValue HierarchyScope?
  OperationalLocation?:ResourceLocation PersonnelActualChild*:OpPersonnelActual RequiredByRequestedSegmentResponse?
OpEquipmentActual: ID EquipmentClassID* EquipmentID* Description* EquipmentUse? Quantity*:QuantityValue
  HierarchyScope? OperationalLocation?:ResourceLocation EquipmentActualChild*:OpEquipmentActual
  RequiredByRequestedSegmentResponse?
OpPhysicalAssetActual: ID PhysicalAssetClassID* PhysicalAssetID* Description* PhysicalAssetUse?
  Quantity*:QuantityValue HierarchyScope? PhysicalLocation?:ResourceLocation
  PhysicalAssetActualChild*:OpPhysicalAssetActual RequiredByRequestedSegmentResponse?
OpMaterialActual: ID MaterialClassID* MaterialDefinitionID* MaterialLotID* MaterialSubLotID* Description*
  MaterialUse? StorageLocation?:ResourceLocation Quantity*:QuantityValue AssemblyActual*:OpMaterialActual
  AssemblyType? AssemblyRelationship? HierarchyScope? MaterialActualProperty*:OpMaterialActualProperty
  RequiredByRequestedSegmentResponse?
TransStateChange: FromStateCode? ToStateCode? ChangeDateTime? Description* Note*
OpMaterialRequirementProperty: ID Description* Value* Quantity*:QuantityValue MaterialClassPropertyID?
  MaterialDefinitionPropertyID? MaterialLotPropertyID?
  MaterialRequirementPropertyChild*:OpMaterialRequirementProperty RequiredByRequestedSegmentResponse?
OpMaterialActualProperty: ID Description* Value* Quantity*:QuantityValue
  MaterialActualPropertyChild*:OpMaterialActualProperty MaterialClassPropertyID? MaterialDefinitionPropertyID?
  MaterialLotPropertyID? RequiredByRequestedSegmentResponse?
"""
"""`Type: child…` in order. After a child's name: nothing 1, ? 0 or 1, * any, + 1 or more; | one of a choice.
`:Type` where the type is not called like the child."""

KINDS: Final = {
    **dict.fromkeys(
        "ActualEndTime ActualStartTime ChangeDateTime CreationDateTime EarliestStartTime EffectiveDateTime "
        "EffectiveEndDate EffectiveStartDate EndTime Endtime LatestEndTime PostingDate PublishedDate StartTime".split(),
        "time",
    ),
    **dict.fromkeys("Description Note Location CommandRule".split(), "text"),
    **dict.fromkeys("QuantityString ValueString".split(), "value"),
    **dict.fromkeys("ActionExpression ResponseExpression".split(), "expression"),
    **dict.fromkeys("OperationsType WorkType".split(), "OperationsType"),
    **dict.fromkeys("RequestState ScheduleState".split(), "RequestState"),
    **dict.fromkeys("JobState PerformanceState ResponseState WorkState".split(), "ResponseState"),
    **dict.fromkeys("EquipmentElementLevel EquipmentLevel".split(), "EquipmentLevel"),
    "Priority": "number",
    "Duration": "duration",
    "Command": "JobOrderCommand",
    "DispatchStatus": "JobOrderDispatchStatus",
    "RequiredByRequestedSegmentResponse": "Required",
    "AssemblyType": "AssemblyType",
    "AssemblyRelationship": "AssemblyRelationship",
    "Disposition": "Disposition",
    "DefinitionType": "DefinitionType",
    "ConfirmationCode": "ConfirmationCode",
    "PropertyType": "PropertyType",
    "LocationType": "LocationType",
    "DataType": "DataType",
    "MaterialUse": "MaterialUse",
    "Dependency": "Dependency",
}
"""What a leaf holds, by its name: a kind, or a word of a list in `WORDS`. Every other is an identifier or a code."""

OTHER: Final = "Other"
"""With it the attribute OtherValue says what; lists in `CLOSED` have no such way out."""
CLOSED: Final = frozenset({"DefinitionType", "ConfirmationCode", "PropertyType"})

_STATES: Final = "Ready Running Completed Aborted Held Suspended Closed Other"
WORDS: Final = {
    name: frozenset(words.split("|") if "|" in words else words.split())
    for name, words in {
        "OperationsType": "Production Maintenance Quality Inventory Mixed Other",
        "RequestState": f"Forecast Released Waiting Cancelled {_STATES}",
        "ResponseState": f"Waiting Paused {_STATES}",
        "JobOrderDispatchStatus": f"Waiting Pending Cancelled Dispatched {_STATES}",
        "JobOrderCommand": "Start Stop Hold Restart Abort Reset Pause Resume Other",
        "EquipmentLevel": "Enterprise Site Area ProcessCell Unit ProductionLine WorkCell ProductionUnit StorageZone "
        "StorageUnit WorkCenter WorkUnit EquipmentModule ControlModule Other",
        "Required": "Required Optional Other",
        "AssemblyType": "Physical Logical Other",
        "AssemblyRelationship": "Permanent Transient Other",
        "Disposition": "Planned In-Process Restricted UnRestricted Closed Other",
        "DefinitionType": "Pattern Instance",
        "ConfirmationCode": "Always Never OnError",
        "PropertyType": "ClassType InstanceType DefaultType Other",
        "LocationType": "Operational Location ID|Operational Location|Equipment|Person|Physical Asset|"
        "Description|Other",
        "MaterialUse": "Consumable|Consumed|Produced|By-product Produced|Co-product Produced|Yield Produced|"
        "Material Consumed|Material Produced|Destructive Sample|Returned Sample|Retained Sample|Inventoried|Other",
        "Dependency": "NotFollow PossibleParallel NotInParallel AtStart AfterStart AfterEnd NoLaterAfterStart "
        "NoEarlierAfterStart NoLaterAfterEnd NoEarlierAfterEnd Other",
        "DataType": "Amount BinaryObject Code DateTime Identifier Indicator Measure Numeric Quantity Text string byte "
        "unsignedByte binary integer positiveInteger negativeInteger nonNegativeInteger nonPositiveInteger int "
        "unsignedInt long unsignedLong short unsignedShort decimal float double boolean time timeInstant timePeriod "
        "duration date dateTime month year century recurringDay recurringDate recurringDuration Name QName NCName "
        "uriReference language ID IDREF IDREFS ENTITY ENTITIES NOTATION NMTOKEN NMTOKENS Enumeration SVG Other",
    }.items()
}
"""The schema's enumerations, complete."""

ACTION_CODES: Final = frozenset({"Add", "Change", "Delete", "Replaced", "Accepted", "Modified", "Rejected"})

ATTRIBUTES: Final = {"text": ("languageID",), "expression": ("actionCode", "expressionLanguage")}
"""Attributes that are kept, by kind; words of an open list keep OtherValue. Others (scheme ids) are passed over."""


@dataclass(frozen=True, slots=True)
class Child:
    """Where an element may stand: its name, its type or kind, and how often."""

    name: str
    type: str
    is_mandatory: bool
    is_many: bool
    is_choice: bool

    @property
    def is_leaf(self) -> bool:
        return self.type not in SHAPES


Shape = dict[str, Child]
"""Children of a type by name, in order."""


def kept_attributes(kind: str) -> tuple[str, ...]:
    """The attributes a leaf of a kind keeps."""
    return ("OtherValue",) if kind in WORDS and kind not in CLOSED else ATTRIBUTES.get(kind, ())


def _child(word: str, types: frozenset[str]) -> Child:
    place, _, type = word.partition(":")
    name = place.strip("|?*+")
    kind = type or (name if name in types else KINDS.get(name, "id"))
    mandatory = not place.startswith("|") and place[-1] not in "?*"
    return Child(name, kind, mandatory, place[-1] in "*+", place.startswith("|"))


def _shapes(table: str) -> dict[str, Shape]:
    lines = [line.partition(":") for line in table.strip().replace("\n  ", " ").splitlines()]
    types = frozenset(name for name, _, _ in lines)
    return {name: {c.name: c for c in (_child(word, types) for word in body.split())} for name, _, body in lines}


SHAPES: Final[dict[str, Shape]] = _shapes(TABLE)

VERBS: Final = {
    **dict.fromkeys(("Acknowledge", "Respond", "Show", "Confirm"), "TransAcknowledge"),
    **dict.fromkeys(("Process", "Sync", "Change", "Cancel"), "TransProcess"),
    "Get": "TransGet",
}
"""The verbs, each with the type of its element."""

WITHOUT_RELEASE: Final = frozenset({"ConfirmBOD", "CancelPersonnelInformation"})
"""Documents the schema gives no releaseID (of the second it looks forgotten)."""

NOUNS: Final = (
    "OperationsSchedule",
    "WorkSchedule",
    "MaterialInformation",
    "MaterialClass",
    "MaterialDefinition",
    "MaterialLot",
    "EquipmentInformation",
    "EquipmentClass",
    "Equipment",
    "PersonnelInformation",
    "Person",
    "PersonnelClass",
    "OperationsDefinitionInformation",
    "OperationsDefinition",
    "OperationsPerformance",
    "WorkPerformance",
    "BOD",
)
