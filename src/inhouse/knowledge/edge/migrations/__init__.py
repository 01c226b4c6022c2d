"""How the knowledge tables came to be, step by step; a released step is never edited."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER", "HEAD"]

FOLDER = Path(__file__).parent
HEAD = "knowledge_0002"
