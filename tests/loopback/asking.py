"""The loopback network as one whose rooms can be listed, and whose people's software can be asked about itself."""

from dataclasses import replace

from gateway.bridge import Account, Answer, Sink
from gateway.model import Catalog, Condition, Listed, Question, Refused
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings


class AskingBridge(LoopbackBridge):
    """As ``LoopbackBridge``; ``hidden`` rooms are in nobody's list, and the list is not ``complete`` if that is said."""

    capabilities = replace(LoopbackBridge.capabilities, room_list=True, questions=True)

    def __init__(self, settings: LoopbackSettings | None = None) -> None:
        super().__init__(settings or LoopbackSettings())
        self.complete = True
        self.asked_anew: list[bool] = []
        self.words: dict[Question, str] = {}  # answers that people's software gives, if it is not the user's

    def session(self, account: Account, sink: Sink) -> "AskingSession":
        return AskingSession(self, account, sink)


class AskingSession(LoopbackSession):
    bridge: AskingBridge

    def list_rooms(self, answer: Answer[Catalog], *, anew: bool) -> None:
        self.bridge.asked_anew.append(anew)
        rooms = (Listed(key, len(room.members), room.topic.text) for key, room in self.bridge.rooms.items())
        answer.told(Catalog(tuple(rooms), self.bridge.complete))

    def ask(self, contact: str, question: Question, answer: Answer[str]) -> None:
        if question in self.bridge.words:
            answer.told(self.bridge.words[question])
        elif contact in self.bridge.people:
            self.bridge.people[contact].sink.asked(self.nick, question, answer.told)
        else:
            answer.refused(Refused(Condition.ITEM_NOT_FOUND, f"There is no {contact}."))
