"""Scores of a text against reference texts: pure functions, 0 to 1.

Normalisation follows SQuAD (Rajpurkar et al. 2016): lower case, no punctuation, no English
articles, single spaces. Numbers are kept apart from it, because dropping punctuation would make
3.14 equal 314: "1,234", "1234" and "1234.0" are one number, and so are "$34", "34 %" and "34",
while "-5" is not "5".
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.chrf import CHRF

ARTICLES = frozenset({"a", "an", "the"})
NUMBER = re.compile(r"-?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")
WORD = re.compile(r"[^\W_]+")


def normalised_tokens(text: str) -> list[str]:
    """The tokens that count when texts are compared."""
    tokens = [normalised_token(token) for token in unicodedata.normalize("NFKC", text).split()]
    return [token for token in tokens if token and token not in ARTICLES]


def normalised_token(token: str) -> str:
    """One token in lower case without punctuation; a number in its shortest form."""
    bare = token.lower().replace("\u2212", "-")
    number = bare.strip("".join(char for char in set(bare) if is_mark(char) and char not in "-."))
    number = number.rstrip(".")
    if any(char.isdigit() for char in number) and number.isascii() and NUMBER.fullmatch(number):
        value = Decimal(number.replace(",", ""))
        return format(value.normalize() + 0, "f")
    return "".join(char for char in bare if not is_mark(char))


def is_mark(char: str) -> bool:
    """Whether a character is punctuation or a symbol (of currency, of mathematics)."""
    return unicodedata.category(char)[0] in "PS"


def exact_match(answer: str, reference: str) -> float:
    return float(normalised_tokens(answer) == normalised_tokens(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 of the two bags of tokens; 1 where both are empty."""
    said, wanted = Counter(normalised_tokens(answer)), Counter(normalised_tokens(reference))
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def containment(answer: str, reference: str) -> float:
    """1 where the reference's tokens stand in the answer, side by side and in order."""
    said, wanted = normalised_tokens(answer), normalised_tokens(reference)
    if not wanted:
        return float(not said)
    spots = range(len(said) - len(wanted) + 1)
    return float(any(said[spot : spot + len(wanted)] == wanted for spot in spots))


class WordTokenizer:
    """Words of any alphabet; rouge-score's own tokenizer drops every letter beyond a to z."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())


@cache
def rouge_scorer() -> RougeScorer:
    """Loaded where it is used: it brings nltk and scikit-learn with it, seconds of importing."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=WordTokenizer())


@cache
def chrf_scorer() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """ROUGE-L F-measure (Lin 2004), the best over the references."""
    return max(
        float(rouge_scorer().score(reference, answer)["rougeL"].fmeasure)
        for reference in references
    )


def chrf(answer: str, references: Sequence[str]) -> float:
    """chrF2 of one sentence (Popović 2015), the best over the references."""
    if not answer.strip():
        return 0.0
    return min(1.0, float(chrf_scorer().sentence_score(answer, list(references)).score) / 100)
