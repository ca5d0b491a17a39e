"""What operators are told about mistakes in ``[bridges.sms]``: the line, the key, and what would be right."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, load

HEAD = '[xmpp]\n[bridges.sms]\njid = "sms.example.org"\nsecret = "0123456789abcdef"\n'
ROUTE = '[bridges.sms.routes.main]\nkind = "smpp"\nhost = "a.example"\nsystem_id = "x"\n'
NUMBER = '[[bridges.sms.numbers]]\nnumber = "+12125550100"\nroutes = ["main"]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 2: bridges.sms.region is missing."),
        (
            'region = "USA"\n',
            'line 5: bridges.sms.region is "USA", but is no country; write its two letters, like US or DE.',
        ),
        (
            'region = "US"\noperator = "ann"\ncountries = ["Germany"]\n',
            'line 7: bridges.sms.countries[1] is "Germany", but is no destination; write a prefix like +49 or a '
            "country like DE.",
        ),
        (
            'region = "US"\noperator = "ann at home"\n',
            'line 6: bridges.sms.operator is "ann at home", but is no XMPP address; write one like alice@example.org.',
        ),
        (
            'region = "US"\nown_accounts = ["twillio"]\n',
            'line 6: bridges.sms.own_accounts[1] is "twillio", but is no provider; there are 46elks, bandwidth, '
            "messagebird, plivo, sinch, telnyx, twilio, voipms, vonage-messages, vonage-sms.",
        ),
        (
            'region = "US"\nown_accounts = ["twilio", "bandwidth"]\n',
            'line 6: bridges.sms.own_accounts[2] is "bandwidth", but signs no callbacks, so users\' accounts there could '
            "receive nothing; leave it out.",
        ),
        (
            f'region = "US"\n{ROUTE}{NUMBER}{NUMBER.replace("+1212555", "212555")}',
            'line 14: bridges.sms.numbers[2].number is "2125550100", but is no number; write +15551234567, a short code '
            "like 46645, or a name like MyShop.",
        ),
        (
            f'region = "US"\n{ROUTE}{NUMBER}mode = "team"\n',
            'line 10: bridges.sms.numbers[1] +12125550100 is a "team" but has no `users`; name them.',
        ),
        (
            f'region = "US"\n{ROUTE}{NUMBER.replace("main", "mian")}',
            "line 2: bridges.sms `numbers`: +12125550100 has the route 'mian', which is not among [routes] (main).",
        ),
        (
            f'region = "US"\n{ROUTE}{NUMBER}[[bridges.sms.prices]]\ndestination = "US"\nprice = 0.01\nroute = "mian"\n',
            "line 2: bridges.sms `prices`: that of US is for the route 'mian', which is not among [routes].",
        ),
        (
            f'region = "US"\n{ROUTE.replace("main", "own-main")}',
            "line 2: bridges.sms `routes` has 'own-main'; names of users' own accounts begin with own-.",
        ),
    ],
)
def test_mistakes_are_told_where_they_are(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert [str(each) for each in caught.value.problems] == [f"{path}, {told}"]
