"""Convert JSON: see `converter.py` for the way of a document."""

from connectrt.converters.json.converter import JsonConverter

__all__ = ["JsonConverter"]
