"""From what is configured to routes: the one place that knows of every kind."""

from bridges.sms.config import RouteSettings
from bridges.sms.smpp.route import Centre
from bridges.sms.traffic import Route
from gateway.bridge import Services


def built(name: str, settings: RouteSettings, services: Services) -> Route:
    return Centre(name, settings, services.clock, services.random)
