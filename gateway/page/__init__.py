"""The operator's page: how the gateway is, and what can be changed while it runs, in a browser. With it what machines ask:
metrics and health.

Everything it shows and does goes through ``gateway.ops.desk.Desk``; it knows neither bridges nor stanzas, and no path of a
request ever reaches the file system.
"""

from gateway.page.server import serving

__all__ = ["serving"]
