"""Free text: what of an event is searched, and how a query is held against it.

A word is a run of letters and digits, without case and accents. An event is found by a query of
which each word is the beginning of one of its own. Diffs are not searched: who reads the log may
not read every diff, and would learn from what is found.
"""

import re
import unicodedata

MOST_WORDS = 8
"""Of a query: each is looked up by itself."""
LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")


def words_of(*texts: str | None) -> str:
    """The words of some texts, each once and after a space, as `AuditEvent.words` keeps them."""
    found = dict.fromkeys(word for text in texts if text for word in split(text))
    return "".join(f" {word}" for word in found)


def split(text: str) -> list[str]:
    """The words of a text, in their order."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return [word[:LONGEST_WORD] for word in _WORD.findall(bare)]
