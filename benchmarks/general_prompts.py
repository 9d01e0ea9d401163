"""Short general questions with a right and a wrong answer: does a tuned model still know them?

Written for this project. They are no benchmark of knowledge: the same ones are asked with and
without the adapter, and only the change counts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneralPrompt:
    """`right` and `wrong` are written alike, so that neither wins by its form."""

    id: str
    question: str
    right: str
    wrong: str


INSTRUCTION = "Answer the question in a few words."
GENERAL_PROMPTS = (
    GeneralPrompt("capital", "What is the capital of France?", "Paris", "Madrid"),
    GeneralPrompt("week", "How many days are there in a week?", "Seven", "Nine"),
    GeneralPrompt("sum", "What is two plus three?", "Five", "Eight"),
    GeneralPrompt("grass", "What colour is fresh grass?", "Green", "Purple"),
    GeneralPrompt("opposite", "What is the opposite of hot?", "Cold", "Loud"),
    GeneralPrompt("planet", "On which planet do people live?", "Earth", "Venus"),
    GeneralPrompt("ice", "What does ice become when it melts?", "Water", "Stone"),
    GeneralPrompt("month", "Which month comes after March?", "April", "October"),
    GeneralPrompt("bees", "Which insects make honey?", "Bees", "Ants"),
    GeneralPrompt("plural", "What is the plural of the word mouse?", "Mice", "Mouse"),
    GeneralPrompt("sunrise", "Where does the sun rise?", "In the east", "In the west"),
    GeneralPrompt("author", "Who wrote the play Hamlet?", "Shakespeare", "Mozart"),
)
