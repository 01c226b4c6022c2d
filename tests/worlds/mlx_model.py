"""A tiny MLX model with random weights, made on the spot: nothing is fetched, and its words mean nothing.

Two layers of 64 numbers over a vocabulary of a few hundred byte pairs; about a second to make.
"""

from __future__ import annotations

import json
import string
from pathlib import Path

__all__ = ["make_model"]

WORDS = "the quick brown fox jumps over the lazy dog and counts one two three four five colours of leave"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
END = "<|end|>"
HIDDEN, LAYERS, HEADS, CONTEXT = 64, 2, 4, 512


def make_model(folder: Path, *, seed: int = 7) -> Path:
    """A model that `mlx_lm` can load, in that folder; the same seed gives the same weights."""
    folder.mkdir(parents=True)
    vocabulary = _write_tokenizer(folder)
    config = {
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "intermediate_size": 2 * HIDDEN,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "rms_norm_eps": 1e-5,
        "vocab_size": vocabulary,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
        "eos_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    _write_weights(folder, vocabulary, seed)
    return folder


def _write_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[END],
        show_progress=False,
    )
    # Printable characters only, so that every token is text at once and a stream has many pieces.
    tokenizer.train_from_iterator([WORDS] * 4 + list(string.printable), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "chat_template": TEMPLATE,
        "model_max_length": CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())


def _write_weights(folder: Path, vocabulary: int, seed: int) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return (generator.standard_normal(shape) * 0.05).astype(np.float32)

    tensors = {"model.embed_tokens.weight": noise(vocabulary, HIDDEN)}
    tensors["model.norm.weight"] = np.ones(HIDDEN, np.float32)
    for layer in range(LAYERS):
        start = f"model.layers.{layer}."
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            tensors[f"{start}self_attn.{name}.weight"] = noise(HIDDEN, HIDDEN)
        tensors[start + "mlp.gate_proj.weight"] = noise(2 * HIDDEN, HIDDEN)
        tensors[start + "mlp.up_proj.weight"] = noise(2 * HIDDEN, HIDDEN)
        tensors[start + "mlp.down_proj.weight"] = noise(HIDDEN, 2 * HIDDEN)
        tensors[start + "input_layernorm.weight"] = np.ones(HIDDEN, np.float32)
        tensors[start + "post_attention_layernorm.weight"] = np.ones(HIDDEN, np.float32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "mlx"})
