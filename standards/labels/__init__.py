"""Scanned labels: symbology prefixes, ISO/IEC 15434 messages, MH10.8.2 data identifiers, GS1 element strings, ECIA."""
