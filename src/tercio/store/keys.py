"""Ed25519 signing keys on disk: made on first use, PEM, the private half readable by its owner alone."""

import errno
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnusable(Exception):
    """A key file can't be used; the message says which, why and what to do, never what is in it."""


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key at ``path`` (PKCS 8, PEM, mode 0600). Where there is none, one is made, and its public half
    written beside it with the suffix ``.pub``. Both are on the disk before this returns. Raises KeyUnusable.
    """
    try:
        if not path.exists():
            _create(path)
        key = _load(path)
        public = path.with_suffix(".pub")
        if not public.exists():
            put(public, _public_pem(key), 0o644)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free space on its disk." if full else "Make the folder writable for this user."
        raise KeyUnusable(f"{path}: {error.strerror}. {advice}") from error
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 raw bytes of a key's public half."""
    return key.public_key().public_bytes_raw()


def read_public(path: Path) -> bytes:
    """The 32 raw bytes of a public key file (PEM). Raises KeyUnusable."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyUnusable(f"{path}: {error.strerror}. Name the public key that was kept for this journal.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{path} is no public key in PEM form. Restore it from a backup.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path} holds a key of another kind than Ed25519. Restore it from a backup.")
    return key.public_bytes_raw()


def _load(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} may be read by others: it may be known already. Run: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnusable(f"{path} is no private key in PEM form. Restore it from a backup.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds a key of another kind than Ed25519. Restore it from a backup.")
    return key


def _create(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    put(path.with_suffix(".pub"), _public_pem(key), 0o644)
    put(path, pem, 0o600)


def _public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def put(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file in place at once, and sync it and its folder: a crash leaves the old one or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
