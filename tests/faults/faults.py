"""The faults of the matrix. Each breaks something, lets the machine count on, and mends it.

Which counters may be left with an interval, each says itself (`rig.inexact`): PLAIN, of whose restarts nobody is told,
after every loss of evidence; TOLD where the machine did restart out of sight; KEPT, which ends early, where a clock
that was set back leaves open how long a loss lasted and so how often it went round. All else has to stay exact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from opcua_bridge.simulator.manners import Republish, Transfer
from tests.faults.rig import COUNTERS, KEPT, PLAIN, TOLD, Rig

Fault = Callable[[Rig], Awaitable[None]]
FAULTS: Final[dict[str, Fault]] = {}
KEEPING: Final = (0.05, 0.5)


def fault(work: Fault) -> Fault:
    FAULTS[work.__name__.replace("_", " ")] = work
    return work


async def some_time(rig: Rig, least: float = KEEPING[0], most: float = KEEPING[1]) -> None:
    await asyncio.sleep(rig.chance.uniform(least, most))


# ---------------------------------------------------------------------- the cable


@fault
async def cable_pulled(rig: Rig) -> None:
    rig.plc.drop_connections()
    await some_time(rig)


@fault
async def cable_pulled_for_a_while(rig: Rig) -> None:
    rig.plc.refuse_connections()
    rig.plc.drop_connections()
    await some_time(rig, 0.3, 1.0)
    rig.plc.refuse_connections(False)


@fault
async def cable_pulled_beyond_the_session(rig: Rig) -> None:
    rig.plc.refuse_connections()
    rig.plc.drop_connections()
    await some_time(rig)
    await rig.plc.forget_sessions(with_subscriptions=True)
    rig.inexact.add(PLAIN)
    await some_time(rig)
    rig.plc.refuse_connections(False)


@fault
async def session_gone_subscription_there(rig: Rig) -> None:
    await rig.plc.forget_sessions()
    await some_time(rig)


@fault
async def stall(rig: Rig) -> None:
    rig.plc.freeze()
    await some_time(rig, 0.3, 1.8)
    rig.plc.thaw()


@fault
async def slow_line(rig: Rig) -> None:
    rig.plc.delay(rig.chance.uniform(0.01, 0.1))
    await some_time(rig, 0.2, 0.6)
    rig.plc.delay(0.0)


@fault
async def half_closed(rig: Rig) -> None:
    rig.plc.half_close()
    await some_time(rig)


# ------------------------------------------------------------------ the OPC UA server


@fault
async def server_restarted(rig: Rig) -> None:
    await rig.plc.stop()
    rig.inexact.add(PLAIN)
    await some_time(rig)
    await rig.plc.start()


@fault
async def server_restarted_with_other_namespaces(rig: Rig) -> None:
    await rig.plc.stop()
    rig.inexact.add(PLAIN)
    await some_time(rig)
    await rig.plc.start(shift_namespace=rig.chance.randint(1, 3))


@fault
async def server_restarted_sessions_persisted(rig: Rig) -> None:
    """The bridge does not take up a session of another run of the server: tokens may be somebody else's by now."""
    await rig.plc.restart(keep_sessions=True)
    rig.inexact.add(PLAIN)
    await some_time(rig)


@fault
async def subscription_lost_without_a_word(rig: Rig) -> None:
    await rig.plc.forget_subscriptions()
    rig.inexact.add(PLAIN)
    await some_time(rig)


@fault
async def subscription_ended_with_a_word(rig: Rig) -> None:
    await rig.plc.end_subscriptions()
    rig.inexact.add(PLAIN)
    await some_time(rig)


@fault
async def republish_not_to_be_had(rig: Rig) -> None:
    rig.plc.manners.republish = rig.chance.choice([Republish.never, Republish.empty, Republish.unsupported])
    rig.inexact.add(PLAIN)
    rig.plc.drop_connections()
    await some_time(rig, 0.2, 0.6)
    rig.plc.manners.republish = Republish.works


@fault
async def message_skipped(rig: Rig) -> None:
    rig.plc.skip_message()
    rig.inexact.add(PLAIN)
    await some_time(rig)


@fault
async def transfer_refused(rig: Rig) -> None:
    rig.plc.manners.transfer = rig.chance.choice([Transfer.refused, Transfer.unsupported])
    rig.inexact.add(PLAIN)
    await rig.plc.forget_sessions()
    await some_time(rig, 0.2, 0.6)
    rig.plc.manners.transfer = Transfer.works


@fault
async def transfer_answered_with_nothing_to_do(rig: Rig) -> None:
    rig.plc.manners.transfer = Transfer.nothing
    await rig.plc.forget_sessions()
    await some_time(rig, 0.2, 0.6)
    rig.plc.manners.transfer = Transfer.works


@fault
async def too_many_operations(rig: Rig) -> None:
    rig.plc.manners.items_per_call = rig.chance.randint(1, 3)
    await rig.plc.forget_subscriptions()
    rig.inexact.add(PLAIN)
    await some_time(rig, 0.3, 0.6)
    rig.plc.manners.items_per_call = 0


@fault
async def queue_overflow(rig: Rig) -> None:
    rig.plc.manners.queue_limit = rig.chance.randint(1, 5)
    rig.plc.manners.overflow_bit = rig.chance.random() < 0.5
    await rig.plc.forget_subscriptions()
    rig.inexact.add(PLAIN)
    await some_time(rig, 0.3, 0.8)
    for _ in range(20):
        await rig.machine.count(rig.chance.choice(COUNTERS), 1)
    await some_time(rig)
    rig.plc.manners.queue_limit, rig.plc.manners.overflow_bit = 100_000, True
    await rig.plc.forget_subscriptions()


@fault
async def sampled_slowly(rig: Rig) -> None:
    rig.plc.manners.sampling_ms = rig.chance.choice([40.0, 120.0])
    await some_time(rig, 0.2, 0.6)
    rig.plc.manners.sampling_ms = 0.0


# ----------------------------------------------------------------------- the machine


@fault
async def node_deleted_and_made_again(rig: Rig) -> None:
    tag = rig.chance.choice(COUNTERS)
    rig.plc.refuse_node(tag)
    rig.inexact.add(PLAIN)
    await some_time(rig, 0.1, 0.8)
    await rig.plc.remake(tag)


@fault
async def type_changed(rig: Rig) -> None:
    tag = rig.chance.choice([TOLD, PLAIN])
    rig.machine.types[tag] = "UInt64" if rig.machine.types[tag] != "UInt64" else "UInt32"
    rig.inexact.add(tag)
    await rig.machine.show(tag)
    await some_time(rig)


@fault
async def value_bad_for_a_while(rig: Rig) -> None:
    tag = rig.chance.choice(COUNTERS)
    rig.inexact.add(PLAIN)
    status = rig.chance.choice([0x80310000, 0x808B0000, 0x40900000])
    await rig.plc.write(tag, rig.machine.shows[tag], status=status, data_type=rig.machine.types[tag])
    await some_time(rig)
    await rig.machine.show(tag)


@fault
async def false_zero(rig: Rig) -> None:
    """Between good readings, as a lie stands."""
    tag = rig.chance.choice([TOLD, KEPT])
    await rig.settle([tag])
    for shown in (0, None):
        if shown is None:
            await rig.machine.count(tag, 1)
        else:
            await rig.plc.write(tag, shown, data_type=rig.machine.types[tag])
        await asyncio.sleep(0.1)
    rig.machine.works = True


@fault
async def machine_restarted_in_sight(rig: Rig) -> None:
    await rig.settle([TOLD, PLAIN])
    await rig.machine.restart()


@fault
async def machine_restarted_out_of_sight(rig: Rig) -> None:
    rig.plc.refuse_connections()
    rig.plc.drop_connections()
    await some_time(rig)
    await rig.machine.restart()
    await rig.plc.forget_sessions(with_subscriptions=True)
    rig.inexact |= {TOLD, PLAIN}
    await some_time(rig)
    rig.plc.refuse_connections(False)


@fault
async def clock_set(rig: Rig) -> None:
    seconds = rig.chance.choice([-3600.0, -30.0, -1.0, 1.0, 30.0, 3600.0])
    rig.plc.shift_clock(seconds)
    if seconds < 0:
        rig.inexact.add(KEPT)
    await some_time(rig)


@fault
async def power_lost_and_clock_with_it(rig: Rig) -> None:
    await rig.plc.stop()
    rig.inexact |= {TOLD, PLAIN, KEPT}
    rig.plc.shift_clock(-rig.chance.choice([10.0, 86_400.0]))
    await rig.machine.restart()
    await some_time(rig)
    await rig.plc.start(shift_namespace=rig.chance.randint(0, 1))


@fault
async def certificate_renewed(rig: Rig) -> None:
    """Run out and replaced; the bridge waits until somebody approves the new one."""
    if not rig.secured:
        return await cable_pulled(rig)
    rig.inexact.add(PLAIN)
    await rig.plc.renew_certificate()
    for _ in range(100):
        if "UntrustedServer" in rig.source.health.error:
            break
        await asyncio.sleep(0.05)
    rig.approve()
    return None


# ------------------------------------------------------------------ bridge and server


@fault
async def edge_disk_full(rig: Rig) -> None:
    assert rig.agent is not None
    journal = rig.agent.journal

    def limit(pages: int) -> int:
        return int(journal._db.execute(f"pragma max_page_count = {pages}").fetchone()[0])

    rig.wire.away = True
    await journal._do(lambda: limit(1))
    await some_time(rig, 0.5, 1.5)
    await journal._do(lambda: limit(1_000_000))
    rig.wire.away = False


@fault
async def ingest_away(rig: Rig) -> None:
    rig.wire.away = True
    await some_time(rig, 0.3, 1.0)
    rig.wire.away = False


@fault
async def ingest_in_trouble(rig: Rig) -> None:
    rig.wire.failing = [rig.chance.choice([500, 502]) for _ in range(rig.chance.randint(1, 3))]
    await some_time(rig)


@fault
async def server_killed_before_or_after_its_commit(rig: Rig) -> None:
    rig.wire.lose_answers = rig.chance.randint(1, 3)
    rig.wire.failing = [500] * rig.chance.randint(0, 1)
    await some_time(rig)


@fault
async def batches_again_and_out_of_order(rig: Rig) -> None:
    rig.wire.repeat = rig.chance.randint(1, 5)
    await some_time(rig)


@fault
async def bridge_stopped_and_started(rig: Rig) -> None:
    await rig.stop_bridge()
    await some_time(rig)
    await rig.start_bridge()


@fault
async def bridge_killed(rig: Rig) -> None:
    await rig.kill_bridge()
    await some_time(rig)
    await rig.start_bridge()


@fault
async def bridge_killed_at_a_marked_place(rig: Rig) -> None:
    place = rig.chance.choice(
        ["after-receive-before-journal", "after-journal-before-ack", "after-uplink-before-forget"]
    )
    await rig.crash_bridge(place, rig.chance.randint(1, 4))
    await some_time(rig)
    await rig.start_bridge()


@fault
async def edge_disk_swapped(rig: Rig) -> None:
    await rig.kill_bridge()
    rig.swap_disk()
    rig.inexact.add(PLAIN)
    await some_time(rig)
    await rig.start_bridge()
