"""TRL's `SFTTrainer` under lodecast: a small Llama learns to answer, at rates planned from a few earlier trainings.

    python trl_sft.py            # minutes on a CPU
    python trl_sft.py --short    # seconds

The network is new and the tokenizer made here, so nothing is downloaded. The sweep is what the trainings have left in their
output folders: `lodecast.plan(folder, ...)` and `lodecast.fit(folder, ...)` read it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback, set_seed
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

import lodecast
import lodecast.huggingface

SHORT = "--short" in sys.argv
STEPS = 20 if SHORT else 200
EVERY = STEPS // 10
WORDS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
]  # fmt: skip


def tokenizer() -> Any:
    """Make a tokenizer of whole words."""
    known = ["[PAD]", "[EOS]", "plus", "is", "what", "?", *WORDS]
    inner = Tokenizer(models.WordLevel({word: index for index, word in enumerate(known)}, unk_token="[PAD]"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]", eos_token="[EOS]", unk_token="[PAD]")


def questions() -> tuple[Dataset, Dataset]:
    """Give sums of two numbers, most of them to learn from."""
    rows = [
        {"prompt": f"what is {WORDS[a]} plus {WORDS[b]} ? ", "completion": WORDS[a + b]} for a in range(10) for b in range(10)
    ]
    held_out = [row for index, row in enumerate(rows) if index % 7 == 3]
    return Dataset.from_list([row for row in rows if row not in held_out]), Dataset.from_list(held_out)


def trainer(folder: Path, peak: float, kind: str) -> SFTTrainer:
    """Make a training."""
    set_seed(1)
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        )
    )  # fmt: skip
    settings = SFTConfig(
        str(folder), max_steps=STEPS, learning_rate=peak, lr_scheduler_type=kind, warmup_steps=STEPS // 20,
        per_device_train_batch_size=8, gradient_accumulation_steps=2, logging_steps=EVERY, eval_strategy="steps",
        eval_steps=EVERY, save_strategy="steps", save_steps=STEPS, max_length=32, report_to=[], use_cpu=True, bf16=False,
        disable_tqdm=True, gradient_checkpointing=False,
    )  # fmt: skip
    learning, held_out = questions()
    made = SFTTrainer(network, args=settings, train_dataset=learning, eval_dataset=held_out, processing_class=tokenizer())
    # Seven trainings would print every point, and what came of them would be hard to find.
    made.remove_callback(PrinterCallback)
    return made


def main() -> None:
    """Sweep, fit, train."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    warnings.filterwarnings("ignore", category=FutureWarning)
    runs = Path(tempfile.mkdtemp())
    finals = {}
    for kind in ("cosine", "constant_with_warmup"):
        for peak in (3e-4, 3e-3, 3e-2):
            made = trainer(runs / f"{kind}-{peak}", peak, kind)
            made.train()
            finals[f"{kind} {peak}"] = made.evaluate()["eval_loss"]
    plan = lodecast.plan(runs, total_steps=STEPS, metric="eval_loss:min")
    print(plan)
    law = lodecast.fit(runs, "law", metric="eval_loss:min", progress=False)
    made = trainer(runs / "planned", 1e-3, "constant")
    scheduler = lodecast.huggingface.schedule(made, law)
    made.train()
    print(scheduler.explain())
    best = min(finals, key=finals.__getitem__)
    print(f"final eval_loss {made.evaluate()['eval_loss']:.3f}; best of the sweep, {best}: {finals[best]:.3f}")


if __name__ == "__main__":
    main()
