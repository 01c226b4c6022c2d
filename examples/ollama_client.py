"""The `ollama` package, unchanged; without `host` it finds inhouse on 11434 when no Ollama is there."""

from __future__ import annotations

import os

from ollama import Client

house = Client(
    host=os.environ.get("INHOUSE_URL", "http://127.0.0.1:8484"),
    headers={"authorization": f"Bearer {os.environ['INHOUSE_API_KEY']}"}
    if "INHOUSE_API_KEY" in os.environ
    else {},
)

names = [model.model for model in house.list().models]
print("models:", names)

for part in house.chat(
    model="llama3.2",  # means a small model of this house, whatever its name is
    messages=[{"role": "user", "content": "Say hello in five words."}],
    options={"num_predict": 32},
    stream=True,
):
    print(part.message.content, end="", flush=True)
print()

reply = house.generate(model="llama3.2", prompt="Count to three.", options={"num_predict": 32})
print(reply.response)
print("tokens:", reply.prompt_eval_count, "in,", reply.eval_count, "out")
