"""Cross-encoders of random weights, made on the fly."""

from pathlib import Path

WORDS = ["tea", "is", "hot", "ice", "cold", "and", "sweet", "old", "?"]


def make_encoder(folder: Path, *, labels: int = 1, head: bool = True, seed: int = 0) -> Path:
    """Two layers of BERT and a tokenizer of whole words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

    folder.mkdir()
    vocabulary = folder / "words.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    config = BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=labels,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = (BertForSequenceClassification if head else BertModel)(config)
        for weight in network.parameters():
            weight.data.normal_(0, 0.5)
    network.save_pretrained(folder)
    BertTokenizer(str(vocabulary)).save_pretrained(folder)
    return folder
