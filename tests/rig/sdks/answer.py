"""Runs with the libraries of providers, and without ours: reads lists of questions from its input, one a line, and writes
the answers.

A question has ``about`` (the provider), ``url``, ``method``, ``body``, ``headers``, ``secret``; the answer is whether the
provider's library takes the signature for genuine. ``sign`` instead of ``headers`` asks for a signature by the library.
"""

import json
import sys
from urllib.parse import parse_qs

import jwt
import messagebird.request_validator
import twilio.request_validator
from messagebird.error import ValidationError
from plivo.utils import signature_v3, validate_signature, validate_v3_signature
from sinch.domains.authentication.sinch_events.v1 import authentication_validation
from telnyx.lib.webhooks_ed25519 import WebhookVerificationError, verify_webhook_signature
from vonage_jwt import verify_signature


def fields(question):
    return parse_qs(question["body"], keep_blank_values=True)


class Several(dict):
    """As web frameworks give forms to Twilio's library."""

    def getall(self, name):
        return self[name]


def by_twilio(question):
    headers = question["headers"]
    algorithm = twilio.request_validator.get_signature_algorithm(
        headers.get("X-Twilio-Webhooks-Signature-Settings")
    )
    given = question["body"] if "bodySHA256" in question["url"] else Several(fields(question))
    validator = twilio.request_validator.RequestValidator(question["secret"])
    return validator.validate(question["url"], given, headers["X-Twilio-Signature"], algorithm)


def twilio_sign(question):
    validator = twilio.request_validator.RequestValidator(question["secret"])
    algorithm = question["sign"]
    return validator.compute_signature(question["url"], Several(fields(question)), algorithm)


def by_plivo(question):
    headers, url, secret = question["headers"], question["url"], question["secret"]
    if "X-Plivo-Signature-V2" in headers:
        return validate_signature(
            url, headers["X-Plivo-Signature-V2-Nonce"], headers["X-Plivo-Signature-V2"], secret
        )
    nonce, signature = headers["X-Plivo-Signature-V3-Nonce"], headers["X-Plivo-Signature-V3"]
    given = fields(question) if question["method"] == "POST" else {}
    return validate_v3_signature(question["method"], url, nonce, secret, signature, given)


def plivo_sign(question):
    url, given = question["url"], fields(question)
    if question["method"] == "POST":
        whole = signature_v3.construct_post_url(url, given)
    else:
        whole = signature_v3.construct_get_url(url, {})
    return signature_v3.get_signature_v3(
        question["secret"].encode(), whole.decode(), question["sign"]
    ).decode()


def by_sinch(question):
    return authentication_validation.validate_sinch_event_signature_with_nonce(
        question["secret"], question["headers"], question["body"]
    )


def by_messagebird(question):
    try:
        messagebird.request_validator.RequestValidator(question["secret"]).validate_signature(
            question["headers"]["MessageBird-Signature-JWT"], question["url"], question["body"].encode()
        )
    except ValidationError:
        return False
    return True


def by_vonage(question):
    token = question["headers"]["Authorization"].partition(" ")[2]
    return verify_signature(token, question["secret"])


def vonage_sign(question):
    """A token of the kind that we have to show when we send: its claims, if the library's own reader takes it."""
    return jwt.decode(question["token"], question["secret"], algorithms=["RS256"])


def by_telnyx(question):
    try:
        verify_webhook_signature(question["body"], question["headers"], question["secret"])
    except WebhookVerificationError:
        return False
    return True


VERIFY = {
    "twilio": by_twilio,
    "plivo": by_plivo,
    "sinch": by_sinch,
    "messagebird": by_messagebird,
    "vonage": by_vonage,
    "telnyx": by_telnyx,
}
SIGN = {"twilio": twilio_sign, "plivo": plivo_sign, "vonage": vonage_sign}


def main():
    for line in sys.stdin:
        answers = [(SIGN if "sign" in each else VERIFY)[each["about"]](each) for each in json.loads(line)]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
