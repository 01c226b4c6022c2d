"""The `LLMService` of the plans: health, generate, chat and usage, with nothing but inhouse itself."""

from __future__ import annotations

import json

from inhouse.client import SyncLLMService

llm = SyncLLMService()

health = llm.health_check()
print("local engine:", health["local_llm"]["available"], "recommended:", health["recommended_routing"])

answer = llm.generate("Say hello in five words.", max_tokens=32)
print(answer["source"], answer["model_used"], answer["cost"])
print(answer["response"])

turns = [{"role": "user", "content": "Say yes."}]
print(llm.chat(turns)["response"])

print(json.dumps(llm.get_usage_stats(), indent=2))
