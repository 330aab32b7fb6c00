"""Look at a request's path before anything else does, as Java's web server does.

Invariant: behind this no path holds an encoded slash, percent sign, backslash or control character, or an empty
segment; parameters (`;…`) and a trailing slash are gone.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from connectrt.rest.errors import MalformedRequestError

LONGEST_PATH: Final = 8192

_BAD_PERCENT: Final = re.compile(rb"%(?![0-9a-fA-F]{2})")
_REFUSED: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"//"), "Ambiguous URI empty segment"),
    (re.compile(rb"%2[fF]"), "Ambiguous URI path separator"),
    (re.compile(rb"%25"), "Ambiguous URI path encoding"),
    (re.compile(rb"(?:^|/)(?:%2[eE]|\.)*%2[eE](?:%2[eE]|\.)*(?:[/;]|$)"), "Ambiguous URI path segment"),
    (_BAD_PERCENT, "Bad Request"),
    (re.compile(rb"%00"), "Bad Request"),
    (re.compile(rb"%(?:5[cC]|[01][0-9a-fA-F]|7[fF])"), "Suspicious Path Character"),
)


def clean_path(raw: bytes) -> str:
    """Return the decoded path of a request target. Raises MalformedRequestError."""
    if len(raw) > LONGEST_PATH:
        raise MalformedRequestError("URI Too Long", 414)
    for pattern, why in _REFUSED:
        if pattern.search(raw):
            raise MalformedRequestError(why)
    try:
        path = unquote_to_bytes(re.sub(rb";[^/]*", b"", raw)).decode()
    except UnicodeDecodeError:
        raise MalformedRequestError("Bad UTF-8 encoding") from None
    return path.rstrip("/") or "/"
