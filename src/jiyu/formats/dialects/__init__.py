"""What recognisers and chat systems send, turned into segments; one small module each."""

from jiyu.formats.dialects.registry import DIALECTS, Reader, reader_of

__all__ = ["DIALECTS", "Reader", "reader_of"]
