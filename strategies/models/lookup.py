"""Greedy decoding of one row that guesses ahead from the text so far, and checks every guess.

Answers often repeat a run of words of the prompt. Reading a few tokens takes a model that waits
for its weights as long as reading one, so the tokens that followed the same words earlier are
read along: those that greedy decoding would have chosen too are kept, the others taken back.
The result is that of decoding one token at a time. Method: Saxena 2023, "Prompt Lookup
Decoding"; the check is that of Leviathan et al. 2023, "Fast Inference from Transformers via
Speculative Decoding", for greedy choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

LONGEST_MATCH = 3
MOST_GUESSED = 7


def continued(
    read: Callable[[Sequence[int], int, int], list[int]],
    tokens: Sequence[int],
    known: int,
    max_new_tokens: int,
    stop: frozenset[int],
) -> list[int]:
    """The greedy continuation of `tokens`, without its stop token.

    `read(new, start, wanted)` reads tokens at places from `start` on, forgetting what stood
    there before, and returns the best follower of each of the last `wanted`; the first `known`
    tokens are read already.
    """
    text = list(tokens)
    end = len(text) + max_new_tokens
    unread, guesses = text[known:], list[int]()
    while True:
        best = read([*unread, *guesses], len(text) - len(unread), len(guesses) + 1)
        right = 0
        while right < len(guesses) and guesses[right] == best[right]:
            right += 1
        for token in best[: right + 1]:
            if token in stop or len(text) == end:
                return text[len(tokens) :]
            text.append(token)
        if len(text) == end:
            return text[len(tokens) :]
        unread = text[-1:]
        guesses = guess(text, min(MOST_GUESSED, end - len(text) - 1))


def guess(text: Sequence[int], most: int) -> list[int]:
    """`most` tokens: what followed the latest earlier place of the last tokens, or nothing.

    Three last tokens are looked for, else two. Where the place is so near that the text ends
    before enough has followed, it is taken to go on repeating itself.
    """
    for size in range(LONGEST_MATCH, 1, -1):
        last = list(text[-size:])
        for start in range(len(text) - size - 1, -1, -1):
            if text[start] == last[0] and list(text[start : start + size]) == last:
                followed = list(text[start + size :])
                while len(followed) < most:
                    followed += followed
                return followed[:most]
    return []
