"""`lineside-bridge trust list | approve | reject | revoke | own | renew`: what a person decides about certificates.

It works on the trust folder; a bridge that runs sees the decision within seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from opcua_bridge.settings import load_settings

if TYPE_CHECKING:
    from opcua_bridge.trust import KnownCertificate, Trust

DECISIONS: Final = {
    "approve": ("trust the certificate of a machine's server", "trusted from now on"),
    "reject": ("say no to a certificate that waits", "refused; it is no longer among those that wait"),
    "revoke": ("take trust back", "no longer trusted; a connection that uses it ends within seconds"),
}


def add_trust_parser(commands: Any) -> None:
    trust = commands.add_parser("trust", help="certificates: list, approve, reject, revoke; own, renew")
    actions = trust.add_subparsers(required=True, metavar="action")
    listing = actions.add_parser("list", help="certificates of machine servers, those that wait for a decision first")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(command=_list)
    for name, (what, _done) in DECISIONS.items():
        decision = actions.add_parser(name, help=what)
        decision.add_argument("thumbprint", help="SHA-256, or how it begins (8 digits or more)")
        decision.set_defaults(command=_decide, decision=name)
    own = actions.add_parser("own", help="the bridge's own certificate, to be approved at the machines")
    own.add_argument("--out", type=Path, help="write it there (DER)")
    own.set_defaults(command=_own)
    renew = actions.add_parser("renew", help="make the next certificate of the bridge now")
    renew.set_defaults(command=_renew)


def _trust() -> Trust:
    from opcua_bridge.trust import Trust

    return Trust(load_settings().trust_path)


def _list(options: argparse.Namespace) -> int:
    known = _trust().known()
    if options.json:
        print(msgspec.json.encode(known).decode())
        return 0
    for certificate in known:
        print("\n".join(_lines(certificate)))
    print(f"{len(known)} certificates, {sum(1 for k in known if k.state == 'waiting')} waiting for a decision")
    return 0


def _lines(known: KnownCertificate) -> list[str]:
    about = known.about
    decided = f" since {about.decided_at}" if about.decided_at else ""
    ends = f"{known.begins_at} to {known.ends_at} ({known.days_left} days left)"
    lines = [f"{known.thumbprint}  {known.state}{decided}", f"  subject      {known.subject}", f"  valid        {ends}"]
    if known.issuer != known.subject:
        lines.append(f"  issuer       {known.issuer}")
    lines.append(f"  application  {', '.join(known.application_uris)}")
    lines.append(f"  hosts        {', '.join(known.hosts)}")
    if about.url:
        lines.append(f"  seen         {about.endpoint} {about.url}, {about.first_seen_at} to {about.last_seen_at}")
    if about.replaces:
        lines.append(f"  replaces     {about.replaces}")
    return lines


def _decide(options: argparse.Namespace) -> int:
    from opcua_bridge.trust import UnknownCertificate

    trust = _trust()
    decide: Callable[[str], bool] = getattr(trust, options.decision)
    try:
        mark = trust.find(options.thumbprint)
    except UnknownCertificate as error:
        return _complain(str(error))
    if not decide(mark):
        return _complain(f"{mark} is {trust.state(mark)}: there is nothing to {options.decision}")
    print(f"{mark}: {DECISIONS[options.decision][1]}")
    return 0


def _own(options: argparse.Namespace) -> int:
    own = _trust().own
    current, following = own.current(), own.next()
    for title, certificate in (("in use", current), ("next", following)):
        if certificate is not None:
            read = certificate.facts
            print(f"{title}: {read.thumbprint}\n  subject      {read.subject}")
            print(f"  valid        {read.begins_at.isoformat()} to {read.ends_at.isoformat()}")
            print(f"  application  {certificate.application_uri}")
    if options.out is not None:
        options.out.write_bytes((following or current).certificate)
        print(f"written to {options.out}")
    return 0


def _renew(_options: argparse.Namespace) -> int:
    made = _trust().own.prepare_next()
    print(
        f"{made.facts.thumbprint}: the next certificate; in use when every machine accepts it, or the old one has ended"
    )
    return 0


def _complain(what: str) -> int:
    print(f"lineside-bridge: {what}", file=sys.stderr)
    return 1
