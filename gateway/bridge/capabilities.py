"""What a network can do, in one value: discovery, forms and error texts follow from it."""

from dataclasses import dataclass

from gateway.model import (
    Condition,
    Refused,
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do; discovery, forms and error texts follow from it."""

    gateway_type: str  # XEP-0100 §4.1 / service discovery registry: "irc", "smtp", "sms"
    gateway_name: str  # for people, e.g. "IRC gateway"
    rooms: bool = False
    rooms_are_topics: bool = False  # the name of a room says nothing to people: it is called by its topic
    room_type: str = "text"  # identity conference/<room_type>
    networks: bool = False  # addresses of kind NETWORK exist
    instructions: bool = False  # a NETWORK address takes text as commands (IRC raw lines)
    direct_messages: bool = True
    nick_change: bool = False
    topic: bool = False
    kick: bool = False
    passwords: bool = False  # rooms can ask for one
    attachments: bool = False  # sessions are ``SharesFiles``; else a file's link is the text
    # What messages can be besides text; sessions with any of the first six are ``Expressive``.
    replies: bool = False
    corrections: bool = False
    threads: bool = False
    subjects: bool = False
    styling: bool = False
    plain_marks: bool = False  # people there mean their asterisks: only marks beyond doubt are styles
    mentions: bool = False
    reactions: bool = False  # sessions are ``Reacts``
    reactions_max: int = 0  # emojis of one person on one message; 0: any number
    reactions_allowed: tuple[str, ...] = ()  # empty: all
    reaction_lines: bool = False  # without ``reactions``: say them in a line of text; else they are refused
    retractions: bool = False  # sessions are ``Retracts``
    retraction_lines: bool = False  # without ``retractions``: say so in a line of text; else they are refused
    moderation: bool = False  # moderators take back others' messages in rooms; sessions are ``Moderates``
    governing: bool = False  # roles, lists and settings of rooms can be changed: sessions are ``Governs``
    orders: tuple[str, ...] = ()  # first words of what is written in rooms for the network: ``Governs.order``
    invitations: bool = False  # sessions are ``Invites``
    typing: bool = False  # sessions are ``Types``
    room_list: bool = False  # the network can list its rooms: sessions are ``ListsRooms``
    questions: bool = False  # people's software can be asked about itself: sessions are ``Asks``
    contact_types: tuple[str, ...] = ("pc",)  # identities client/<each>: "sms", "phone", "bot"
    numbers: bool = False  # contacts whose name begins with "+" are telephones with that number (E.164)
    labels: bool = (
        False  # people and rooms are called otherwise than their addresses: the bridge is ``Labels`` too
    )
    contact_list: bool = False  # the network keeps a list of the user's contacts: ``Contact.listed``
    contact_presence: bool = False  # sessions are ``Watching``: they can tell who is there
    one_way: bool = False  # some people cannot be written to: sessions are ``KnowsOneWay``
    store_and_forward: bool = False  # messages may wait: ours are kept for the network while it is away
    recognises_repeats: bool = False  # the same ``Ticket.reference`` twice is one message to it
    durable_rooms: bool = False  # messages to rooms are kept like those to people; costs a commit for each
    delivery_reports: bool = False  # ``Sink.delivery`` tells later what became of messages
    silence_is_consent: bool = False  # a message of which nothing is told any more has most likely arrived
    late_failures: bool = False  # what was told to be DELIVERED may FAIL all the same
    acceptance_only: bool = False  # that it took a message is all the network can ever tell of it
    read_marks: bool = False  # sessions are ``MarksRead``
    confidences: bool = False  # some of what users write must not be kept: the bridge is ``Discreet`` too
    legacy_identities: tuple[
        tuple[str, str], ...
    ] = ()  # further (category, type) pairs that old bookmarks expect
    adjustable: bool = (
        False  # there are settings for rooms, or for the gateway: the bridge is ``Adjustable`` too
    )
    crowds: bool = False  # rooms can be so big that users want to see less of them: the bridge is ``Crowded``
    details: bool = False  # sessions are ``Detailed``
    # What people call a network and a room of this kind; commands and their nodes are named after them.
    network_noun: str = "network"
    room_noun: str = "room"
    local_sessions: bool = False  # sessions are no connections: any number can begin at once
    registration: bool = False  # users register before they can use it: the bridge is ``Registering`` too
    commands: bool = False  # the bridge is ``Commanding`` too
    traces: bool = False  # networks see of users what only the bridge knows: it is ``Traceable`` too
    forgets: bool = False  # users are remembered beyond their sessions: it is ``Forgets`` too
    background: bool = False  # the bridge is ``Running`` too
    measured: bool = False  # has numbers for those who run the gateway: the bridge is ``Measured`` too
    ailing: bool = False  # can tell what of what it depends on does not work: the bridge is ``Ailing`` too
    examined: bool = False  # can try what it depends on: the bridge is ``Examined`` too
    replays: bool = False  # requests from outside can be looked at again: the bridge is ``Replays`` too
    tracing: bool = False  # can tell where a message is: the bridge is ``Tracing`` too
    reconfigures: bool = False  # takes other settings while it runs: the bridge is ``Reconfigures`` too
    web: bool = False  # requests from outside are answered: the bridge is ``Serving`` too
    together: bool = False  # a message to several people is one of its kind: the bridge is ``Gathers`` too
    lookup: bool = False  # people's spellings of addresses are understood: the bridge is ``LookingUp`` too
    prompt: str = ""  # label of the one input that an address is asked for with, e.g. "Phone number"
    prompt_help: str = ""  # one sentence on what to write there


NOT_SUPPORTED = Refused(Condition.FEATURE_NOT_IMPLEMENTED, "This network cannot do that.")
