"""Headings that people usually give to columns, the most telling first."""

from __future__ import annotations

OUTPUTS = (
    "output", "completion", "expected_output", "expected_answer", "answer", "answers", "response",
    "chosen", "label", "labels", "target", "expected", "reference", "gold", "ground_truth",
    "intent", "category", "class", "classification", "queue", "department", "sentiment",
    "label_text", "topic", "tag", "summary", "highlights", "abstract", "translation", "reply",
    "solution", "result", "json", "entities", "slots", "output_text", "antwort", "kategorie",
    "abteilung", "réponse", "catégorie", "respuesta", "categoría", "priority",
)  # fmt: skip

INPUTS = (
    "input", "inputs", "prompt", "question", "query", "instruction", "text", "body", "message",
    "utterance", "sentence", "email", "mail", "request", "review", "comment", "ticket", "post",
    "tweet", "content", "document", "article", "dialogue", "description", "passage", "context",
    "source", "user", "input_text", "frage", "nachricht", "anfrage", "texte", "demande",
    "pregunta", "mensaje", "texto", "title", "subject",
)  # fmt: skip

TOGETHER = (
    ("instruction", "input"), ("instruction", "context"), ("context", "question"),
    ("passage", "question"), ("document", "question"), ("context", "query"),
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_1", "sentence_2"),
    ("text_a", "text_b"), ("question1", "question2"), ("subject", "body"), ("title", "body"),
    ("subject", "message"), ("subject", "text"),
)  # fmt: skip
"""Columns that make one input, in the order in which they are read."""

INSTRUCTIONS = ("instruction", "instructions", "system", "system_prompt", "system_message")
SPLITS = ("split", "set", "subset", "partition", "fold", "dataset_split")
SPLIT_VALUES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "eval": "validation", "test": "test",
    "testing": "test", "holdout": "test",
}  # fmt: skip
IDS = (
    "id", "uid", "uuid", "guid", "key", "row_id", "example_id", "ticket_id", "message_id", "nr",
    "no", "number", "index", "idx", "row", "unnamed_0", "", "question_id", "sample_id", "item_id",
)  # fmt: skip
GROUPS = ("group", "group_id", "cluster", "conversation", "thread", "session", "customer", "author")
