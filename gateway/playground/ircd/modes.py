"""Modes of channels and users."""

from typing import TYPE_CHECKING

from gateway.playground.ircd.common import is_operator, present, user_of, users_of
from gateway.playground.ircd.state import Channel

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


def mode(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    target = params[0] if params else ""
    if target[:1] not in ircd.settings.channel_types or not target:
        _user_mode(ircd, client, params)
        return
    channel = ircd.channel(target)
    if channel is None:
        ircd.numeric(client, 403, target, "No such channel")
        return
    if len(params) == 1:
        client.send(
            f":{ircd.settings.name} 324 {client.name} {channel.name} {' '.join(channel.mode_words())}"
        )
        ircd.numeric(client, 329, channel.name, str(channel.created))
        return
    if params[1].lstrip("+-") == "b" and len(params) == 2:
        for mask in channel.bans:
            ircd.numeric(client, 367, channel.name, mask, client.nick, "0")
        ircd.numeric(client, 368, channel.name, "End of channel ban list")
        return
    found = present(ircd, client, target)
    if found is not None and is_operator(ircd, client, *found):
        _change_modes(ircd, client, channel, params[1], params[2:])


def _change_modes(
    ircd: "Ircd", client: "Connection", channel: Channel, letters: str, words: list[str]
) -> None:
    adding = True
    done: list[tuple[str, str]] = []
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
            continue
        sign = "+" if adding else "-"
        takes = letter in ircd.settings.prefix_letters + "bk" or (letter == "l" and adding)
        word = words.pop(0) if takes and words else ""
        if takes and not word and letter != "k":
            ircd.numeric(client, 461, "MODE", "Not enough parameters")
        elif (outcome := _change_mode(ircd, client, channel, letter, word, adding=adding)) is not None:
            done.append((f"{sign}{letter}", outcome))
    if done:
        text = " ".join(("".join(mode for mode, _ in done), *(word for _, word in done if word)))
        ircd.relay(user_of(client).mask, f"MODE {channel.name} {text}", users_of(channel))


def _change_mode(
    ircd: "Ircd", client: "Connection", channel: Channel, letter: str, word: str, *, adding: bool
) -> str | None:
    """Change one mode; gives the parameter to announce, None where nothing changed."""
    if letter in ircd.settings.prefix_letters:
        member = channel.members.get(ircd.settings.fold(word))
        if member is None:
            ircd.numeric(client, 441, word, channel.name, "They aren't on that channel")
            return None
        (member.letters.add if adding else member.letters.discard)(letter)
        return member.user.nick
    if letter == "k":
        channel.key = word if adding else ""
        return word or "*"
    if letter == "l":
        channel.limit = int(word) if adding and word.isdecimal() else 0
        return word
    if letter == "b":
        if adding:
            channel.bans.append(word)
        elif word in channel.bans:
            channel.bans.remove(word)
        return word
    if letter in ircd.settings.channel_modes.rpartition(",")[2]:
        (channel.modes.add if adding else channel.modes.discard)(letter)
        return ""
    ircd.numeric(client, 472, letter, "is unknown mode char to me")
    return None


def _user_mode(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = user_of(client)
    if not params or ircd.find(params[0]) is not user:
        ircd.numeric(client, 502, "Cannot change mode for other users")
    elif len(params) > 1:
        adding = not params[1].startswith("-")
        letters = set(params[1].lstrip("+-"))
        user.modes = user.modes | letters if adding else user.modes - letters
        ircd.relay(user.mask, f"MODE {user.nick} :{params[1]}", [user])
    else:
        ircd.numeric(client, 221, f"+{''.join(sorted(user.modes))}")
