"""The `openai` package, unchanged, with inhouse behind it."""

from __future__ import annotations

import os

from openai import OpenAI

house = OpenAI(
    base_url=os.environ.get("INHOUSE_URL", "http://127.0.0.1:8484") + "/v1",
    api_key=os.environ.get("INHOUSE_API_KEY", "not needed on loopback"),
    max_retries=0,  # inhouse repeats what may be repeated, inside one budget
)

print("models:", [model.id for model in house.models.list()])

reply = house.chat.completions.with_raw_response.create(
    model="gpt-4o-mini",  # means a small model of this house, see `inhouse route explain`
    messages=[{"role": "user", "content": "Say hello in five words."}],
    max_tokens=32,
)
print("answered by", reply.headers["x-inhouse-model"], reply.headers["x-inhouse-where"])
print(reply.parse().choices[0].message.content)

for chunk in house.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Count to three."}],
    max_tokens=32,
    stream=True,
    extra_headers={"x-inhouse-data": "local_only"},  # not one word of this leaves the house
):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

answer = house.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "How many days has a week? Answer as JSON."}],
    max_tokens=64,
    response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "days",
            "schema": {
                "type": "object",
                "properties": {"days": {"type": "integer"}},
                "required": ["days"],
                "additionalProperties": False,
            },
        },
    },
)
print("checked against the schema:", answer.choices[0].message.content)
