"""The `anthropic` package, unchanged, with inhouse behind it."""

from __future__ import annotations

import os

from anthropic import Anthropic

house = Anthropic(
    base_url=os.environ.get("INHOUSE_URL", "http://127.0.0.1:8484"),
    api_key=os.environ.get("INHOUSE_API_KEY", "not needed on loopback"),
    max_retries=0,
)

MODEL = "claude-3-5-haiku-latest"
question = "Say hello in five words."

count = house.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": question}])
print("about", count.input_tokens, "tokens in")

with house.messages.stream(
    model=MODEL, max_tokens=32, messages=[{"role": "user", "content": question}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
    print()
    print("tokens out:", stream.get_final_message().usage.output_tokens)
