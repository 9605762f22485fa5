"""`python -m opcua_bridge` is `lineside-bridge`."""

import sys

from opcua_bridge.cli import main

sys.exit(main())
