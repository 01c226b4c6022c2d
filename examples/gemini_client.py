"""The `google-genai` package, unchanged, with inhouse behind it."""

from __future__ import annotations

import os

from google import genai
from google.genai import types

house = genai.Client(
    api_key=os.environ.get("INHOUSE_API_KEY", "not needed on loopback"),
    http_options=types.HttpOptions(base_url=os.environ.get("INHOUSE_URL", "http://127.0.0.1:8484")),
)

MODEL = "gemini-2.5-flash"
settings = types.GenerateContentConfig(max_output_tokens=32)

reply = house.models.generate_content(model=MODEL, contents="Say hello in five words.", config=settings)
print(reply.text)

for part in house.models.generate_content_stream(model=MODEL, contents="Count to three.", config=settings):
    print(part.text or "", end="", flush=True)
print()
