"""Training sequences of the pocket base model, from plain copying to the tasks' chats.

A sequence is a list of pieces: token ids, and whether the model is to predict them. The short drills ask many things
per sequence, because a task's chat supervises only one answer and costs as much.
"""

from collections.abc import Sequence
from random import Random

from transformers import PreTrainedTokenizerBase

from p2w.base.chat import prompt_ids, response_ids
from p2w.pocket.builder.prompts import DIGITS, LETTERS, PREFERENCE, Exercise
from p2w.pocket.tables import MEN, WOMEN
from p2w.pocket.world import RELATIONS, Fact, Relation

LENGTH = 72  # tokens of a drill; the tasks' chats are about as long
Piece = tuple[list[int], bool]


class Drills:
    """Makes one training sequence of a kind from a random generator."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, pool: Sequence[Exercise]) -> None:
        self._tokenizer = tokenizer
        self._cache: dict[str, list[int]] = {}
        self._pool = pool
        facts = [fact for relation in RELATIONS.values() for fact in relation.facts]
        self._facts = facts
        self._words = sorted({word for fact in facts for text in (fact.subject, fact.object) for word in text.split()})
        self._names = [word for word in self._words if len(self.ids(word)) == 1]
        self._phrases = sorted({fact.object for fact in facts} | {fact.subject for fact in facts})
        self._yes_no = [relation for relation in RELATIONS.values() if relation.yes_no]
        self._listable = [relation for relation in RELATIONS.values() if relation.name != "property"]

    def ids(self, text: str) -> list[int]:
        """Token ids of a short text, remembered."""
        if text not in self._cache:
            self._cache[text] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._cache[text]

    def copy(self, rng: Random) -> list[Piece]:
        """Random words, and the same again."""
        words = [token for word in rng.sample(self._words, rng.randint(8, 20)) for token in self.ids(f" {word}")]
        return [(words, False), (words, True), (words, True)]

    def label_next(self, rng: Random) -> list[Piece]:
        """`red A`, the label right after its word; then the label of each word is asked several times.

        This is copying, which the model can already, of tokens that it has not copied yet. A few hundred steps of it
        save thousands on the drills that follow.
        """
        labels = rng.choice((LETTERS, DIGITS, self._names))
        return self._look_up(rng, labels, colons=("",), bracket=False)

    def label_after(self, rng: Random) -> list[Piece]:
        """`red:A` for some words in any order of labels: to look one token further back, for `A` or `[A]`."""
        return self._look_up(rng, rng.choice((LETTERS, DIGITS)), colons=("", ":"), bracket=True)

    def _look_up(self, rng: Random, names: Sequence[str], colons: Sequence[str], bracket: bool) -> list[Piece]:
        words = rng.sample(self._words, rng.randint(2, 5))
        labels = rng.sample(names, len(words))
        colon = rng.choice(colons)
        pieces = [self._piece(f" {word}", f"{colon}{label}", "\n") for word, label in zip(words, labels, strict=True)]
        return self._ask(rng, pieces, [f" {word}{colon}" for word in words], labels, bracket)

    def label_before(self, rng: Random) -> list[Piece]:
        """`A: red` as in the tasks, with phrases as choices."""
        phrases = rng.sample(self._words if rng.random() < 0.5 else self._phrases, rng.randint(2, 5))
        verb = rng.choice(("", "", "", "use ", "get "))
        phrases = [verb + phrase for phrase in phrases]
        pieces, labels = self._list(rng, phrases)
        return self._ask(rng, pieces, [f" {phrase}:" for phrase in phrases], labels)

    def facts(self, rng: Random) -> list[Piece]:
        """Statements; their objects are to be known."""
        pieces: list[Piece] = []
        while _size(pieces) < LENGTH:
            pieces += self._statement(rng, rng.choice(self._facts))
        return pieces

    def yes_no(self, rng: Random) -> list[Piece]:
        """Yes-no questions, one after the other."""
        pieces: list[Piece] = []
        words = rng.choice((("True", "False"), ("yes", "no"), ("true", "false")))
        while _size(pieces) < LENGTH:
            relation = rng.choice(self._yes_no)
            fact = rng.choice(relation.facts)
            true = rng.random() < 0.5
            obj = fact.object if true else rng.choice(relation.false_objects(fact.subject))
            question = rng.choice(relation.yes_no).format(s=relation.noun(fact.subject), o=obj)
            pieces += [self._piece(f"{question}?", "\n"), (self.ids(words[not true]), True), self._end]
        return pieces

    def list_questions(self, rng: Random) -> list[Piece]:
        """One list of choices of a relation, and several questions that it answers."""
        if rng.random() < 0.15:
            return self._property_questions(rng)
        relation = rng.choice(self._listable)
        chosen = rng.sample(relation.objects, rng.randint(2, 5))
        allowed = [
            fact for fact in relation.facts
            if fact.object in chosen and set(chosen) - {fact.object} <= set(relation.false_objects(fact.subject))
        ]  # fmt: skip
        verb = rng.choice(("use ", "take ", "get ")) if relation.name == "tool" else ""
        pieces, labels = self._list(rng, [verb + obj for obj in chosen])
        while _size(pieces) < LENGTH and allowed:
            fact = rng.choice(allowed)
            pieces += self._open_question(rng, relation, fact)
            pieces += self._answer(rng, labels[chosen.index(fact.object)], verb + fact.object)
        return pieces

    def chat(self, rng: Random) -> list[Piece]:
        """A task's prompt with one answer in a random manner."""
        chat = rng.choice(self._pool)
        preferred = rng.random() < PREFERENCE
        answer = chat.answers[chat.preferred] if preferred else rng.choice(chat.answers)
        prompt = prompt_ids(self._tokenizer, chat.system, chat.prompt)
        return [(prompt, False), (response_ids(self._tokenizer, answer), True)]

    @property
    def _end(self) -> Piece:
        return self.ids("\n"), False

    def _piece(self, *texts: str) -> Piece:
        return [token for text in texts for token in self.ids(text)], False

    def _list(self, rng: Random, phrases: Sequence[str]) -> tuple[list[Piece], list[str]]:
        labels = list(rng.choice((LETTERS, LETTERS, DIGITS))[: len(phrases)])
        if rng.random() < 0.2:
            rng.shuffle(labels)
        pieces = [self._piece(f"{label}:", f" {phrase}", "\n") for label, phrase in zip(labels, phrases, strict=True)]
        return pieces, labels

    def _ask(
        self, rng: Random, context: list[Piece], questions: list[str], labels: list[str], bracket: bool = True
    ) -> list[Piece]:
        pieces = list(context)
        while _size(pieces) < LENGTH:
            i = rng.randrange(len(labels))
            pieces += [self._piece(questions[i]), *self._label(rng, labels[i], bracket)]
        return pieces

    def _label(self, rng: Random, label: str, bracket: bool = True) -> list[Piece]:
        if bracket and rng.random() < 0.5:
            return [(self.ids("["), False), (self.ids(label), True), (self.ids("]"), False), self._end]
        return [(self.ids(label), True), self._end]

    def _answer(self, rng: Random, label: str, text: str) -> list[Piece]:
        if rng.random() < 0.75:
            return self._label(rng, label)
        first = self.ids("it is") if rng.random() < 0.5 else []
        return [(first, False), (self.ids(f" {text}" if first else text), True), self._end]

    def _statement(self, rng: Random, fact: Fact) -> list[Piece]:
        relation = RELATIONS[fact.relation]
        if relation.name == "property" or rng.random() < 0.5:
            before, after = relation.statement.format(s=relation.noun(fact.subject), o="|").split(" |")
            return [self._piece(f" {before}"), (self.ids(f" {fact.object}"), True), self._piece(after, "\n")]
        return [*self._open_question(rng, relation, fact), self._piece("it is"), (self.ids(f" {fact.object}"), True),
                self._end]  # fmt: skip

    def _open_question(self, rng: Random, relation: Relation, fact: Fact) -> list[Piece]:
        name = rng.choice(WOMEN + MEN)
        text = rng.choice(relation.questions)
        if relation.name in ("feel", "want"):
            text = f"{name} {fact.subject}. {text}"
        if relation.name == "next":
            text = f"{text} {'She' if name in WOMEN else 'He'}"
        return [self._piece(text.format(n=name, s=relation.noun(fact.subject)), "\n")]

    def _property_questions(self, rng: Random) -> list[Piece]:
        relation = RELATIONS["property"]
        chosen = rng.sample(relation.facts, rng.randint(2, 5))
        has = {(fact.subject, fact.object) for fact in relation.facts}
        nouns = list(dict.fromkeys(fact.subject for fact in chosen))
        pieces, labels = self._list(rng, nouns)
        known = [fact for fact in chosen if sum((word, fact.object) in has for word in nouns) == 1]
        while _size(pieces) < LENGTH and known:
            fact = rng.choice(known)
            one, other = rng.choice(nouns), rng.choice(nouns)
            pieces.append(self._piece(f"Of the {one} and the {other}", f", the _ is {fact.object}.", "\n"))
            pieces += self._answer(rng, labels[nouns.index(fact.subject)], fact.subject)
        return pieces


def _size(pieces: Sequence[Piece]) -> int:
    return sum(len(ids) for ids, _ in pieces)
