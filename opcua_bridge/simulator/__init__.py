"""A factory in a box: machines as a real OPC UA server, and a ledger of what truly happened.

`plant`, `ledger` and `history` need no OPC UA stack; `server` loads it.
"""
