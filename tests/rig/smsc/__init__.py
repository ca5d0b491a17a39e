"""SMSCs that nobody of this project wrote, as child processes. ``scripts/smscs`` fetches them.

``NodeSmsc`` (npm's ``smpp``) does what a test tells it, ``RustSmsc`` (``smpp34``) and ``TwistedSmsc`` (``smpp.twisted3``)
are second and third opinions, ``PerlSmsc`` is the example of Debian's Net::SMPP as it is.
"""

from tests.rig.smsc.control import Control
from tests.rig.smsc.opinions import PerlSmsc, RustSmsc, TwistedSmsc
from tests.rig.smsc.steered import NodeSmsc

__all__ = ["Control", "NodeSmsc", "PerlSmsc", "RustSmsc", "TwistedSmsc"]
