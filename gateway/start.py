"""``causeway run``: configuration, then logging, then the gateway itself.

What cannot work is told in words on standard error, once; everything later is the log's.
"""

import argparse
import os
import sys

from gateway import logs
from gateway.app import run
from gateway.config import ConfigError, load
from gateway.secrets import SecretError
from gateway.storage.errors import StorageError
from gateway.web.server import CannotServe

FAILED = 1
BAD_CONFIG = 78
"""EX_CONFIG of sysexits.h: service managers can be told not to try again (systemd: RestartPreventExitStatus=78)."""


def command(arguments: argparse.Namespace) -> int:
    try:
        settings = load(arguments.config, os.environ)
    except ConfigError as error:
        print(f"causeway: the configuration cannot be used\n{error}", file=sys.stderr)
        return BAD_CONFIG
    logs.set_up(settings.log.level, settings.log.format)
    try:
        return run(settings, arguments.config)
    except (StorageError, SecretError, CannotServe) as error:
        print(f"causeway: {error}", file=sys.stderr)
        return FAILED
