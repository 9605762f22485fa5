"""Fills a fresh Tryton database with a small plant, through Tryton's own client; run by `make prepare`, once.

`python plant.py CONFIG DATABASE`, in the environment that requirements.txt describes. Pumps are made of two housings,
15 g of grease and a controller that is tracked by lot; the works are a machine's and a person's.
"""

import sys
from decimal import Decimal

from proteus import Model, Wizard
from proteus import config as proteus_config

USER, PASSWORD = "lineside", "a long password of the tests"
GROUPS = ("Production", "Stock", "Stock Force Assignment", "Stock Cancellation", "Product Administration")


def main(configuration: str, database: str) -> None:
    proteus_config.set_trytond(database, config_file=configuration)
    company()
    names = {model: Model.get(model) for model in ("product.uom", "stock.location")}
    units = {unit.symbol: unit for unit in names["product.uom"].find([])}
    units["dz"] = dozen(units["u"])
    (warehouse,) = names["stock.location"].find([("type", "=", "warehouse")])
    (lost,) = names["stock.location"].find([("type", "=", "lost_found")])
    warehouse.waste_locations.append(lost)
    warehouse.save()
    parts = {
        "HOUSING": product("HOUSING", "Housing", units["u"]),
        "GREASE": product("GREASE", "Grease", units["kg"]),
        "CONTROLLER": product("CONTROLLER", "Controller", units["u"], lot_required=["storage", "production"]),
    }
    pump = product("PUMP", "Pump", units["u"], producible=True)
    routing(pump, parts, units)
    stock(parts)
    integration_user()


def company() -> None:
    party = Model.get("party.party")(name="Pumps & Sons")
    party.save()
    currency = Model.get("currency.currency")(name="Euro", symbol="€", code="EUR")
    currency.rates.new(rate=Decimal(1))
    currency.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party, wizard.form.currency = party, currency
    wizard.execute("add")
    configuration = proteus_config.get_config()
    configuration._context = Model.get("res.user").get_preferences(True, configuration.context)


def dozen(unit):
    made = Model.get("product.uom")(name="Dozen", symbol="dz", category=unit.category)
    made.factor, made.rate, made.rounding, made.digits = 12.0, round(1 / 12, 12), 0.01, 2
    made.save()
    return made


def product(code: str, name: str, unit, **more):
    template = Model.get("product.template")(name=name, type="goods", default_uom=unit, list_price=Decimal(10))
    for field, value in more.items():
        setattr(template, field, value)
    (made,) = template.products
    made.suffix_code, made.cost_price = code, Decimal(1)
    template.save()
    return template.products[0]


def routing(pump, parts, units) -> None:
    Center, Category = Model.get("production.work.center"), Model.get("production.work.center.category")
    Operation, Routing = Model.get("production.routing.operation"), Model.get("production.routing")
    root = Center(name="Assembly")
    root.save()
    route = Routing(name="Pump")
    for operation, center in (("Press", "Press 1"), ("Test", "Bench 1")):
        category = Category(name=center)
        category.save()
        Center(name=center, parent=root, category=category, cost_price=Decimal(60), cost_method="hour").save()
        made = Operation(name=operation, work_center_category=category)
        made.save()
        route.steps.new(operation=made)
    Bom = Model.get("production.bom")
    bom = Bom(name="Pump", code="PUMP-A")
    for code, quantity, unit in (("HOUSING", 2.0, "u"), ("GREASE", 15.0, "g"), ("CONTROLLER", 1.0, "u")):
        bom.inputs.new(product=parts[code], quantity=quantity, unit=units[unit])
    bom.outputs.new(product=pump, quantity=1.0, unit=units["u"])
    bom.save()
    route.boms.append(bom)
    route.save()
    pump.boms.append(Model.get("product.product-production.bom")(bom=bom, routing=route))
    pump.save()


def stock(parts) -> None:
    Inventory, Lot = Model.get("stock.inventory"), Model.get("stock.lot")
    (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
    inventory = Inventory(location=storage)
    inventory.lines.new(product=parts["HOUSING"], quantity=1000.0)
    inventory.lines.new(product=parts["GREASE"], quantity=50.0)
    for number in ("C-1", "C-2"):
        lot = Lot(number=number, product=parts["CONTROLLER"])
        lot.save()
        inventory.lines.new(product=parts["CONTROLLER"], lot=lot, quantity=500.0)
    inventory.click("confirm")


def integration_user() -> None:
    User, Group = Model.get("res.user"), Model.get("res.group")
    user = User(name="Lineside", login=USER, password=PASSWORD)
    for group in Group.find([("name", "in", list(GROUPS))]):
        user.groups.append(group)
    (made_by,) = Model.get("company.company").find([])
    user.companies.append(made_by)
    user.company = made_by
    user.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
