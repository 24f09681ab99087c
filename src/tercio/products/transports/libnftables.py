"""libnftables in this process: a command costs a fraction of a millisecond where starting ``nft`` costs fourteen.

Acts on the network namespace of the process and needs CAP_NET_ADMIN there.
"""

import ctypes

import msgspec

_JSON = 1 << 4
_LIBRARY = "libnftables.so.1"


class Result(msgspec.Struct, frozen=True):
    """What nft made of one text: all of it was done, or, where ``ok`` is false, nothing."""

    ok: bool
    output: str
    error: str


class Nft:
    """One context of the library. Not for use by two threads at once."""

    def __init__(self) -> None:
        """Raises OSError with a sentence where the library is missing or will not start."""
        try:
            library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise OSError(f"{_LIBRARY} is missing; install libnftables1 or nftables: {error}") from error
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        library.nft_ctx_output_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_uint]
        for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_free"):
            getattr(library, name).argtypes = [ctypes.c_void_p]
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(library, name).argtypes = [ctypes.c_void_p]
            getattr(library, name).restype = ctypes.c_char_p
        context = library.nft_ctx_new(0)
        if not context or library.nft_ctx_buffer_output(context) or library.nft_ctx_buffer_error(context):
            raise OSError(f"{_LIBRARY} gave no context; is memory exhausted?")
        self._library, self._context = library, context

    def run(self, text: str, *, json: bool = False) -> Result:
        """Run commands as one transaction. With ``json`` what is listed comes as nft's JSON."""
        if "\0" in text:
            return Result(False, "", "a command holds a NUL byte")
        self._library.nft_ctx_output_set_flags(self._context, _JSON if json else 0)
        code = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
        output = self._library.nft_ctx_get_output_buffer(self._context) or b""
        error = self._library.nft_ctx_get_error_buffer(self._context) or b""
        return Result(code == 0, output.decode(errors="replace"), error.decode(errors="replace").strip())

    def close(self) -> None:
        """Free the context; the object is of no use afterwards."""
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = None
