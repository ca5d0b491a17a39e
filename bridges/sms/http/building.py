"""Routes over HTTP from what is configured: the same engine for every provider, and for Kannel with a look at its file."""

from functools import partial

from bridges.sms.http import kannel
from bridges.sms.http.route import HttpWay
from bridges.sms.http.settings import HttpRoute, KannelRoute
from bridges.sms.http.webhooks import Webhooks
from gateway.bridge import Services
from gateway.bridge.web import path


def built(name: str, settings: HttpRoute | KannelRoute, services: Services, webhooks: Webhooks) -> HttpWay:
    if isinstance(settings, HttpRoute):
        return HttpWay(name, settings, services, webhooks)
    own = settings.as_http()
    if settings.config_file is None:
        return HttpWay(name, own, services, webhooks)
    wanted = kannel.Wanted(settings.username, settings.smsc, f"{path(services.name)}/{name}/")
    return HttpWay(name, own, services, webhooks, partial(kannel.look, settings.config_file, wanted))
